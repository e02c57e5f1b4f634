import { deepEqual } from 'node:assert/strict'
import { describe, it, onTestFinished } from 'vitest'

/** Seeds of one test, so that a report shows how far it is. */
const seedsAtOnce = 500

/**
 * Runs a simulation for a number of seeds, and names the one that fails. `VARVE_SIMULATION_SEED=7` repeats one;
 * `VARVE_SIMULATION_SEEDS=1000000` runs another number of them. A simulation may count in `happened` what it is there for:
 * where that did not happen once in a hundred seeds, they prove nothing about it.
 */
export function simulated(
  holds: string,
  count: number,
  simulate: (seed: number) => Promise<unknown>,
  happened: Readonly<Record<string, number>> = {},
): void {
  const { VARVE_SIMULATION_SEED: one, VARVE_SIMULATION_SEEDS: many = String(count) } = process.env
  const last = one === undefined ? Number(many) : Number(one)
  const first = one === undefined ? 1 : last
  describe(holds, () => {
    for (let from = first; from <= last; from += seedsAtOnce) {
      const to = Math.min(last, from + seedsAtOnce - 1)
      it(`seeds ${from} to ${to}`, { timeout: 1_200_000 }, async () => {
        const { stackTraceLimit } = Error
        // Errors are a part of these worlds, and where each of a million came from costs a sixth of the time. One that is
        // repeated alone tells.
        if (from !== to) Error.stackTraceLimit = 0
        onTestFinished(() => {
          Error.stackTraceLimit = stackTraceLimit
        })
        for (let seed = from; seed <= to; seed++) {
          try {
            await simulate(seed)
          } catch (cause) {
            throw new Error(`Seed ${seed} failed; VARVE_SIMULATION_SEED=${seed} repeats it: ${cause}`, { cause })
          }
        }
      })
    }
    // So few seeds may do without what is rare.
    if (last - first < seedsAtOnce) return
    it('in worlds in which all of it happens', () => {
      const rare = Object.entries(happened).filter(([, times]) => times * 100 < last)
      deepEqual(rare, [])
    })
  })
}
