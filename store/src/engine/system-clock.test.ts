import { deepEqual, ok } from 'node:assert/strict'
import { describe, it } from 'vitest'
import { systemClock } from './system-clock.ts'

describe('the clock of the machine', () => {
  it('never wakes anybody early', async () => {
    const early: number[] = []
    // A timer alone is early in some of a hundred sleeps, by less than a millisecond.
    for (let sleep = 0; sleep < 200; sleep++) {
      const begunAt = performance.now()
      await systemClock.sleep(2)
      const tookMs = performance.now() - begunAt
      if (tookMs < 2) early.push(tookMs)
    }
    deepEqual(early, [])
  })

  it('wakes whoever sleeps when the signal aborts, also when that sleep is longer than a timer can wait', async () => {
    const awake = new AbortController()
    let woken = false
    const sleep = systemClock.sleep(2 ** 40, awake.signal).then(() => {
      woken = true
    })
    await systemClock.sleep(10)
    ok(!woken)
    awake.abort()
    await sleep
    await systemClock.sleep(2 ** 40, AbortSignal.abort())
  })
})
