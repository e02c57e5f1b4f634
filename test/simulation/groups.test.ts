import { deepEqual, ok } from 'node:assert/strict'
import { it } from 'vitest'
import { liveThrough, seedsFrom } from './group-scenario.ts'
import { newTally } from './group-witness.ts'

/** Worlds to live through; VARVE_SIM_WORLDS=10000 takes ten minutes. */
const worlds = Number(process.env.VARVE_SIM_WORLDS ?? 120)

it('finishes each event once and in order, whatever programs and networks do', { timeout: 3_600_000 }, async () => {
  const tally = newTally()
  const live = async (count: number): Promise<void> => {
    for (const seed of seedsFrom(process.env.VARVE_SIM_SEED, count)) {
      try {
        await liveThrough(seed, tally)
      } catch (cause) {
        throw new Error(`VARVE_SIM_SEED=${seed} replays this: ${(cause as Error).message}`, { cause })
      }
    }
  }
  const missing = (): string[] => Object.entries(tally).flatMap(([what, times]) => (times > 0 ? [] : [what]))
  await live(worlds)
  if (process.env.VARVE_SIM_SEED !== undefined) return
  // Worlds in which nothing of this happens would prove nothing about it; what is rare may need some more of them.
  for (let more = 0; more < 20 && missing().length > 0; more++) await live(worlds / 4)
  deepEqual(missing(), [])
})

it('lives through the same world again when it is given the same seed', async () => {
  const [first, second] = [newTally(), newTally()]
  const [seed] = seedsFrom(process.env.VARVE_SIM_SEED, 1) as [number]
  await liveThrough(seed, first)
  await liveThrough(seed, second)
  ok(JSON.stringify(first) === JSON.stringify(second), `VARVE_SIM_SEED=${seed} differs`)
})
