import { z } from 'zod'
import { show } from './leaf.ts'

/** A mapping with fixed keys. Absent, or present with nothing under it, it is all defaults. */
export function section<Shape extends z.ZodRawShape>(shape: Shape) {
  const object = z.strictObject(shape, ofType('a mapping of keys to values'))
  return z.preprocess(value => value ?? {}, object).prefault({})
}

/** A mapping whose keys are names of the deployment's own. */
export function named<Value extends z.ZodType>(isName: (name: string) => boolean, right: string, value: Value) {
  const key = z.string().refine(isName, { error: issue => `${show(issue.input)} is not ${right}` })
  const record = z.record(key, value, ofType('a mapping of names to values'))
  return z.preprocess(input => input ?? {}, record).prefault({})
}

/** A list of such items. */
export function list<Item extends z.ZodType>(item: Item) {
  return z.array(item, ofType('a list'))
}

/** Says of what is no mapping, or no list, what would be right. */
export function ofType(right: string) {
  return {
    error: (issue: { readonly code?: string; readonly input?: unknown }) =>
      issue.code === 'invalid_type' ? `${show(issue.input)} is not ${right}` : undefined,
  }
}
