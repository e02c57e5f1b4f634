import { deepEqual } from 'node:assert/strict'
import { it } from 'vitest'
import { createWatchedTime } from './watched-time.ts'

it('time passes between two looks as far as somebody was looking, whatever the clock is set to', () => {
  let nowMs = 1_000_000
  const time = createWatchedTime({ now: () => nowMs }, 50)
  const watched = [10, 40, -3_600_000, 20, 3_600_000, 30].map((passedMs) => {
    nowMs += passedMs
    time.look()
    return time.now()
  })
  deepEqual(watched, [10, 50, 50, 70, 120, 150])
})
