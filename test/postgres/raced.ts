import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, onTestFinished } from 'vitest'
import { openStore } from '../../store/src/open-store.ts'
import { engineAt } from '../engine-at.ts'
import { type Decision, readDecisions } from './decision.ts'
import { forked } from './forked.ts'
import { createLogDigest } from './log-digest.ts'
import type { Race } from './racer.ts'
import type { LogEvent } from './replay.ts'

/** A race: who takes part, and what goes on meanwhile. */
export interface RaceOptions {
  readonly url: string
  readonly processes: number
  readonly writers: number
  readonly streams: number
  readonly seed: number
  /** The race is over when this is, and there are enough events: where few are appended, they may never meet. */
  readonly meanwhile: () => Promise<unknown>
}

/** Reached in the time of a race, but on a slow machine. */
const eventsMin = 150

/** Lets writers race, and collects what each of them decided and was told. */
export async function raced({ processes, meanwhile, ...options }: RaceOptions): Promise<readonly Decision[]> {
  const folder = mkdtempSync(join(tmpdir(), 'varve-race-'))
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }))
  const reportOf = (racer: number): string => join(folder, `racer-${racer}`)
  const races = Array.from({ length: processes }, (_, racer): Race => {
    return { ...options, seed: options.seed + racer * options.writers, report: reportOf(racer) }
  })
  const racers = await forked(
    './racer.ts',
    races.map((race) => JSON.stringify(race)),
  )
  for (const racer of racers) racer.send('go')
  await meanwhile()
  await enoughEvents(options.url)
  const reports = racers.map((racer) => once(racer, 'message'))
  for (const racer of racers) racer.send('stop')
  await Promise.all(reports)
  return racers.flatMap((_, racer) => readDecisions(reportOf(racer)))
}

async function enoughEvents(url: string): Promise<void> {
  await using store = openStore({ engine: engineAt(url, 3) })
  await expect.poll(() => store.head(), { timeout: 300_000 }).toBeGreaterThanOrEqual(eventsMin)
}

/** The log from beginning to end, and its digest. */
export async function wholeLog(url: string): Promise<{ readonly log: readonly LogEvent[]; readonly digest: string }> {
  await using store = openStore({ engine: engineAt(url, 8) })
  const digest = createLogDigest()
  const log: LogEvent[] = []
  for await (const { position, id, streamId, version, type, tags } of store.readAll()) {
    log.push({ position, id, streamId, version, type, tags })
    digest.add({ position, id, streamId, version, type, tags })
  }
  return { log, digest: digest.value() }
}
