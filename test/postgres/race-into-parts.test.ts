import { once } from 'node:events'
import { setTimeout as pause } from 'node:timers/promises'
import { describe, expect, it, onTestFinished } from 'vitest'
import { postgresMaintenance } from '../../store/src/engines/postgres/index.ts'
import { first, freshDatabase } from './database.ts'
import { forked } from './forked.ts'
import { onPostgres } from './on-postgres.ts'
import { raced, wholeLog } from './raced.ts'
import { replay } from './replay.ts'

const seconds = Number(process.env.RACE_SECONDS ?? 3)
const seed = Number(process.env.RACE_SEED ?? Math.floor(Math.random() * 2 ** 31))
const [processes, writers, streams, readers] = [3, 4, 60, 2]
/** Few enough for a border every few batches. */
const positionsPerPart = 20

onPostgres(({ cluster }) => {
  describe(`writers and readers, while their store is put into parts (RACE_SEED=${seed})`, () => {
    it('are all told the truth, before, meanwhile, and from part to part', { timeout: 600_000 }, async () => {
      const database = await freshDatabase(await cluster())
      onTestFinished(database.drop)
      const tails = await forked('./tailing-reader.ts', Array(readers).fill(database.url))
      await using maintenance = postgresMaintenance({ url: database.url })
      let before = 0
      const meanwhile = async (): Promise<void> => {
        // By then every connection has statements prepared for one table.
        await pause(seconds * 500)
        const onProgress = (copied: number): void => {
          before = copied
        }
        await maintenance.partition(positionsPerPart, { onProgress })
        await pause(seconds * 1_000)
      }
      const decisions = await raced({ url: database.url, processes, writers, streams, seed, meanwhile })
      const { log, digest } = await wholeLog(database.url)

      const seen = tails.map((tail) => once(tail, 'message'))
      for (const tail of tails) tail.send(log.length)
      for (const [report] of await Promise.all(seen)) expect(report).toEqual({ seen: log.length, digest })
      const right = replay(log, decisions)
      const parts = Number(await first(database, 'select count(*) from varve.event_parts'))
      console.info(`${log.length} events, ${before} of them before, ${parts} parts, ${JSON.stringify(right)}`)
      for (const count of Object.values(right)) expect(count).toBeGreaterThan(0)
      expect(before).toBeGreaterThan(0)
      expect(log.length - before).toBeGreaterThan(positionsPerPart * 3)
      expect((await maintenance.inspect()).filter(({ state }) => state !== 'ok')).toEqual([])
    })
  })
})
