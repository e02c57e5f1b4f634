import { once } from 'node:events'
import { setTimeout as pause } from 'node:timers/promises'
import { describe, expect, it, onTestFinished } from 'vitest'
import { first, freshDatabase } from './database.ts'
import { forked } from './forked.ts'
import { onEveryPostgres } from './on-postgres.ts'
import { raced, wholeLog } from './raced.ts'
import { replay } from './replay.ts'

const processes = Number(process.env.RACE_PROCESSES ?? 6)
const writers = Number(process.env.RACE_WRITERS ?? 4)
const seconds = Number(process.env.RACE_SECONDS ?? 3)
const seed = Number(process.env.RACE_SEED ?? Math.floor(Math.random() * 2 ** 31))
const readers = 3
const streams = 100

onEveryPostgres(({ cluster }) => {
  describe(`${processes} processes of ${writers} writers, for ${seconds} s (RACE_SEED=${seed})`, () => {
    it('are all told the truth, and followers see one order without a hole', { timeout: 600_000 }, async () => {
      const database = await freshDatabase(await cluster())
      onTestFinished(database.drop)
      const tails = await forked('./tailing-reader.ts', Array(readers).fill(database.url))
      const meanwhile = () => pause(seconds * 1_000)
      const decisions = await raced({ url: database.url, processes, writers, streams, seed, meanwhile })
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
