import { equal } from 'node:assert/strict'
import { it } from 'vitest'
import { liveThrough } from './group-scenario.ts'
import { newTally } from './group-witness.ts'
import { simulated } from './simulated.ts'

const tally = newTally()

simulated(
  'a group finishes each event once and in order, whatever programs and networks do',
  10_000,
  (seed) => liveThrough(seed, tally),
  tally,
)

it('lives through the same world again when it is given the same seed', async () => {
  for (let seed = 1; seed <= 30; seed++) equal(await liveThrough(seed), await liveThrough(seed))
})
