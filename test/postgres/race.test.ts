import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { describe, expect, it, onTestFinished } from 'vitest'
import { postgres } from '../../store/src/engines/postgres/index.ts'
import { openStore } from '../../store/src/open-store.ts'
import { first, freshDatabase } from './database.ts'
import { type Decision, readDecisions } from './decision.ts'
import { forked } from './forked.ts'
import { createLogDigest } from './log-digest.ts'
import { onPostgres } from './on-postgres.ts'
import type { Race } from './racer.ts'
import { type LogEvent, replay } from './replay.ts'

const processes = Number(process.env.RACE_PROCESSES ?? 6)
const writers = Number(process.env.RACE_WRITERS ?? 4)
const seconds = Number(process.env.RACE_SECONDS ?? 3)
const seed = Number(process.env.RACE_SEED ?? Math.floor(Math.random() * 2 ** 31))
const readers = 3
const streams = 100

onPostgres(({ cluster }) => {
  describe(`${processes} processes of ${writers} writers, for ${seconds} s (RACE_SEED=${seed})`, () => {
    it('are all told the truth, and followers see one order without a hole', { timeout: 600_000 }, async () => {
      const database = await freshDatabase(await cluster())
      onTestFinished(database.drop)
      const tails = await forked('./tailing-reader.ts', Array(readers).fill(database.url))
      const decisions = await raced(database.url)
      const { log, digest } = await wholeLog(database.url)

      const seen = tails.map((tail) => once(tail, 'message'))
      for (const tail of tails) tail.send(log.length)
      for (const [report] of await Promise.all(seen)) expect(report).toEqual({ seen: log.length, digest })
      const right = replay(log, decisions)
      const deadlocks = await first(
        database,
        'select deadlocks from pg_stat_database where datname = current_database()',
      )
      console.info(`${log.length} events, ${deadlocks} deadlocks, ${JSON.stringify(right)}`)
      // Without these the writers never met, and this test has shown nothing.
      for (const count of Object.values(right)) expect(count).toBeGreaterThan(0)
    })
  })
})

/** Lets the writers race, and collects what each of them decided and was told. */
async function raced(url: string): Promise<readonly Decision[]> {
  const folder = mkdtempSync(join(tmpdir(), 'varve-race-'))
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }))
  const reportOf = (racer: number): string => join(folder, `racer-${racer}`)
  const races = Array.from({ length: processes }, (_, racer): Race => {
    return { url, writers, streams, seed: seed + racer * writers, report: reportOf(racer) }
  })
  const racers = await forked(
    './racer.ts',
    races.map((race) => JSON.stringify(race)),
  )
  for (const racer of racers) racer.send('go')
  await pause(seconds * 1_000)
  const reports = racers.map((racer) => once(racer, 'message'))
  for (const racer of racers) racer.send('stop')
  await Promise.all(reports)
  return racers.flatMap((_, racer) => readDecisions(reportOf(racer)))
}

async function wholeLog(url: string): Promise<{ readonly log: readonly LogEvent[]; readonly digest: string }> {
  await using store = openStore({ engine: postgres({ url }) })
  const digest = createLogDigest()
  const log: LogEvent[] = []
  for await (const { position, id, streamId, version, type, tags } of store.readAll()) {
    log.push({ position, id, streamId, version, type, tags })
    digest.add({ position, id, streamId, version, type, tags })
  }
  return { log, digest: digest.value() }
}
