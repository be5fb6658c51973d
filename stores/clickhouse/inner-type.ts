/** The type that is left when NULL and dictionary encoding are taken off: `String` for `LowCardinality(Nullable(String))`. */
export function innerType(type: string): string {
  const [, inner] = /^(?:LowCardinality|Nullable)\((.*)\)$/.exec(type) ?? []
  return inner === undefined ? type : innerType(inner)
}
