import { it } from 'vitest'
import { liveThrough, seedsFrom } from './group-scenario.ts'

/** Worlds to live through; a nightly run takes more. */
const worlds = Number(process.env.VARVE_SIM_WORLDS ?? 300)

it('finishes each event once and in order, whatever programs and networks do', { timeout: 600_000 }, async () => {
  for (const seed of seedsFrom(process.env.VARVE_SIM_SEED, worlds)) {
    try {
      await liveThrough(seed)
    } catch (cause) {
      throw new Error(`The world of VARVE_SIM_SEED=${seed}: ${(cause as Error).message}`, { cause })
    }
  }
})
