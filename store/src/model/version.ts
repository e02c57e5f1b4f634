import { type StreamState, streamExists } from './stream.ts'

/**
 * What a caller expects of a stream before an append.
 *
 * - a number: the version of the last event; 0 says the same as `'no_stream'`
 * - `'no_stream'`: never written, or deleted
 * - `'stream_exists'`: at least one visible event
 * - `'any'`: no expectation
 */
export type ExpectedVersion = number | 'no_stream' | 'stream_exists' | 'any'

/**
 * The rule every engine applies, once for all. A deleted stream counts as absent for `'no_stream'` and
 * `'stream_exists'`, while its number keeps counting, so a number still names one exact state.
 */
export function versionHolds(expected: ExpectedVersion, state: StreamState): boolean {
  if (expected === 'any') return true
  if (expected === 'stream_exists') return streamExists(state)
  if (expected === 'no_stream' || expected === 0) return !streamExists(state)
  return state.version === expected
}

/** Whether a value is an expected version at all. */
export function isExpectedVersion(value: unknown): value is ExpectedVersion {
  if (typeof value === 'number') return Number.isSafeInteger(value) && value >= 0
  return value === 'any' || value === 'no_stream' || value === 'stream_exists'
}
