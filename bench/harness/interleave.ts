import { mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { Measured } from './measured.ts'
import { runTrial } from './trial.ts'

/** One of the things compared. */
export interface Candidate {
  /** How the tables call it. */
  readonly name: string
  readonly module: string
  readonly trial: string
  /** What the trial is told; a function when each round, from 0, needs its own. */
  readonly settings: unknown
}

/** What every round gave, by candidate; the nth entries of all candidates were measured within seconds of each other. */
export type Rounds = ReadonlyMap<string, readonly Measured[]>

/**
 * Runs every candidate once per round, in another order each time. A machine that others use as well is faster now and
 * slower then; only what ran side by side can be compared.
 */
export async function interleave(candidates: readonly Candidate[], rounds: number): Promise<Rounds> {
  const results = new Map<string, Measured[]>(candidates.map(({ name }) => [name, []]))
  for (let round = 0; round < rounds; round++) {
    for (const candidate of rotated(candidates, round)) {
      const { module, trial } = candidate
      const settings: unknown =
        typeof candidate.settings === 'function' ? candidate.settings(round) : candidate.settings
      const measured = await inFolder((folder) => runTrial({ module, name: trial, settings, folder }))
      results.get(candidate.name)?.push(measured)
      process.stderr.write('.')
    }
  }
  process.stderr.write('\n')
  return results
}

/** Runs something in a fresh folder beside this file: `/tmp` is memory on many machines, where syncing costs nothing. */
export async function inFolder<Result>(run: (folder: string) => Promise<Result>): Promise<Result> {
  const stores = fileURLToPath(new URL('../stores/', import.meta.url))
  mkdirSync(stores, { recursive: true })
  const folder = mkdtempSync(join(stores, 'run-'))
  try {
    return await run(folder)
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

/** Each candidate takes each place in turn, and every other round runs backwards, so that none always follows the same. */
function rotated<Item>(items: readonly Item[], round: number): readonly Item[] {
  const start = Math.floor(round / 2) % items.length
  const turned = [...items.slice(start), ...items.slice(0, start)]
  return round % 2 === 0 ? turned : turned.reverse()
}
