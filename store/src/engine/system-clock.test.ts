import { deepEqual } from 'node:assert/strict'
import { afterEach, beforeEach, it, vi } from 'vitest'
import { systemClock } from './system-clock.ts'

beforeEach(() => {
  vi.useFakeTimers()
})

afterEach(() => {
  vi.useRealTimers()
})

const dayMs = 86_400_000

it('sleeps for longer than a timer can, as a time limit of a month asks for', async () => {
  const awake: string[] = []
  void systemClock.sleep(60 * dayMs).then(() => awake.push('after two months'))
  await vi.advanceTimersByTimeAsync(59 * dayMs)
  deepEqual(awake, [])
  await vi.advanceTimersByTimeAsync(dayMs)
  deepEqual(awake, ['after two months'])
})

it('wakes up when it is told to, also in the middle of a long sleep', async () => {
  const [stop, awake] = [new AbortController(), [] as string[]]
  void systemClock.sleep(Number.MAX_SAFE_INTEGER, stop.signal).then(() => awake.push('told to'))
  await vi.advanceTimersByTimeAsync(30 * dayMs)
  deepEqual(awake, [])
  stop.abort()
  await vi.advanceTimersByTimeAsync(0)
  deepEqual([awake, vi.getTimerCount()], [['told to'], 0])
})
