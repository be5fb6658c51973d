/** How many columns and rows a stream has: those of a terminal, the usual ones of a terminal that does not say, and endless lines elsewhere. */
export function terminalSize(stream: NodeJS.WritableStream): { readonly columns: number; readonly rows: number } {
  if (Reflect.get(stream, 'isTTY') !== true) return { columns: Number.POSITIVE_INFINITY, rows: Number.POSITIVE_INFINITY }
  const size = (name: 'columns' | 'rows', usual: number) => {
    const value: unknown = Reflect.get(stream, name)
    return typeof value === 'number' && value > 0 ? value : usual
  }
  return { columns: size('columns', 80), rows: size('rows', 24) }
}
