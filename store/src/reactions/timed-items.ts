import type { Clock } from '../engine/clock.ts'

/** The longest that a clock is relied on without looking, in milliseconds: timers know neither jumps nor more than 24 days. */
const sleepMaxMs = 30_000

/** A sequence that can also be waited for until a time. */
export interface TimedItems<Item> {
  /** The next item; `'time'` once it is `untilMs`, whether or not there is one; undefined at the end. */
  next(untilMs: number | undefined): Promise<Item | 'time' | undefined>
}

/**
 * Reads items one ahead, so that waiting for one and waiting for a time go together. Time comes first: items that never
 * stop coming do not keep it from passing.
 */
export function timedItems<Item extends object>(items: AsyncIterator<Item>, clock: Clock): TimedItems<Item> {
  let arrived: { readonly take: () => Item | undefined } | undefined
  let isAsked = false
  let bell = new AbortController()

  function ask(): void {
    isAsked = true
    const arrive = (take: () => Item | undefined): void => {
      arrived = { take }
      bell.abort()
    }
    items.next().then(
      (result) => arrive(() => (result.done === true ? undefined : result.value)),
      (error: unknown) =>
        arrive(() => {
          throw error
        }),
    )
  }

  return {
    next: async (untilMs = Number.POSITIVE_INFINITY) => {
      if (!isAsked) ask()
      for (;;) {
        const leftMs = untilMs - clock.now()
        if (leftMs <= 0) return 'time'
        if (arrived !== undefined) break
        bell = new AbortController()
        await clock.sleep(Math.min(leftMs, sleepMaxMs), bell.signal)
      }
      const { take } = arrived
      arrived = undefined
      isAsked = false
      return take()
    },
  }
}
