import type { Appended, ExpectedVersion } from 'varve'

/** What a client expects of a stream: a revision, or one of these words. A revision is a version less one. */
export type Expectation = number | 'no_stream' | 'any' | 'stream_exists'

/** Where a stream stands when it has no events. */
export const noRevision = -1

/** The expectation in the store's terms. */
export function expectedVersionOf(expected: Expectation): ExpectedVersion {
  return typeof expected === 'number' ? Math.min(expected + 1, Number.MAX_SAFE_INTEGER) : expected
}

/** The revision of a version; {@link noRevision} for none. */
export function revisionOf(version: number): number {
  return version - 1
}

/** The number that stands for an expectation where only numbers fit. */
export function expectationNumber(expected: Expectation): number {
  if (typeof expected === 'number') return expected
  return { no_stream: -1, any: -2, stream_exists: -4 }[expected]
}

/** Whether a first result is the answer to an append: with an exact expectation only when it lies right behind that. */
export function repeats(expected: Expectation, { firstVersion }: Pick<Appended, 'firstVersion'>): boolean {
  if (expected === 'any' || expected === 'stream_exists') return true
  return expected === 'no_stream' ? firstVersion === 1 : firstVersion === expected + 2
}
