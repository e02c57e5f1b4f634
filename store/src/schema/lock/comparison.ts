import type { JsonSchema } from './json-schema.ts'

/** One way in which events that are stored no longer fit. */
export interface Narrowing {
  readonly kind: 'field_removed' | 'field_renamed' | 'field_required' | 'narrowed' | 'cannot_tell'
  /** Where in the payload, as in `$.lines[].price`. */
  readonly path: string
  /** What changed, in words. */
  readonly says: string
}

/** Two schemas that are being compared, and what is compared on the way: schemas may contain themselves. */
export interface Comparison {
  readonly before: JsonSchema
  readonly next: JsonSchema
  readonly underWay: Set<string>
}

/** Finds what a part of the next schema no longer accepts of a part of the one before. */
export type Narrow = (
  comparison: Comparison,
  before: JsonSchema,
  next: JsonSchema,
  path: string,
) => readonly Narrowing[]

/** One finding. */
export function found(kind: Narrowing['kind'], path: string, says: string): Narrowing {
  return { kind, path, says }
}
