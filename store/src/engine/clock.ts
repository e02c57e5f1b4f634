/**
 * Time as everything below the composition roots gets it: by injection, so that tests can own it.
 */
export interface Clock {
  /** Milliseconds since 1970. */
  now(): number
  /**
   * Resolves after `ms`, keeping the process alive until then.
   * Resolves early, without an error, when the signal aborts: the caller decides what an abort means.
   */
  sleep(ms: number, signal?: AbortSignal): Promise<void>
  /** Resolves when everything that is ready to run has run once. No delay, no timer. */
  turn(): Promise<void>
}
