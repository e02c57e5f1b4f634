import type * as varve from '../../store/src/index.ts'

/** Calls as those make them who have no types. */
export type Untyped = (...given: readonly unknown[]) => unknown

/** The name of a call, the call with a misspelt field, where that is, and what it was meant for. */
export type Row = readonly [call: string, make: (store: varve.EventStore) => unknown, argument: string, meant: string]

/** Any function or method, without its types. */
export function untyped(call: unknown): Untyped {
  return call as Untyped
}

/** A method of an object, likewise. */
export function of(object: object, method: string): Untyped {
  return (...given) => (object as Readonly<Record<string, Untyped>>)[method]?.(...given)
}
