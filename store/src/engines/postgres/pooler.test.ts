import { describe, expect, it, onTestFinished } from 'vitest'
import { freshDatabase } from '../../../../test/postgres/database.ts'
import { onPostgres, sayWhy } from '../../../../test/postgres/on-postgres.ts'
import { startPgbouncer, whyNoPgbouncer } from '../../../../test/postgres/pgbouncer.ts'
import type { EventStore } from '../../event-store.ts'
import { openStore } from '../../open-store.ts'
import { postgres } from './index.ts'

const reason = sayWhy(whyNoPgbouncer())

describe.skipIf(reason)('behind PgBouncer in transaction mode', () => {
  onPostgres(({ cluster }) => {
    /** As many stores on one empty database, each as if in a process of its own, over two connections to the server. */
    async function stores(count: number, prepare = false): Promise<readonly EventStore[]> {
      const database = await freshDatabase(await cluster())
      onTestFinished(database.drop)
      const bouncer = await startPgbouncer(database, { poolConnections: 2 })
      onTestFinished(bouncer.stop)
      const url = bouncer.through(database)
      const opened = Array.from({ length: count }, () =>
        openStore({ engine: postgres({ url, prepare, listen: false }) }),
      )
      onTestFinished(async () => void (await Promise.all(opened.map((store) => store.close()))))
      return opened
    }

    it('makes the schema once, appends in order, and reads what was appended', async () => {
      const all = await stores(4)
      await Promise.all(
        all.flatMap((store, n) =>
          Array.from({ length: 25 }, () => store.append(`Order-${n}`, [{ type: 'Placed', data: { n }, tags: ['a'] }])),
        ),
      )
      const [store] = all as [EventStore]
      const positions = (await store.readAll().toArray()).map(({ position }) => position)
      expect(positions).toEqual(Array.from({ length: 100 }, (_, n) => n + 1))
      expect(await store.readStream('Order-3', { direction: 'backward', limit: 1 }).toArray()).toMatchObject([
        { version: 25 },
      ])
    })

    it('lets one of many win a version, and one a condition', async () => {
      const all = await stores(4)
      const placed = [{ type: 'Placed', data: {}, tags: ['vip'] }]
      const versions = await Promise.allSettled(
        all.map((store) => store.append('Order-1', placed, { expectedVersion: 'no_stream' })),
      )
      const condition = { failIfMatch: { tags: ['vip'] }, after: 1 }
      const conditions = await Promise.allSettled(
        all.map((store, n) => store.append(`Cart-${n}`, placed, { condition })),
      )
      expect(codesOf(versions)).toEqual(['VERSION_CONFLICT', 'VERSION_CONFLICT', 'VERSION_CONFLICT'])
      expect(codesOf(conditions)).toEqual(['CONDITION_FAILED', 'CONDITION_FAILED', 'CONDITION_FAILED'])
    })

    it('is told what to set when the pooler carries no prepared statements', async () => {
      const [left, right] = (await stores(2, true)) as [EventStore, EventStore]
      const placed = [{ type: 'Placed', data: {} }]
      await left.append('Order-1', placed)
      await expect(right.append('Order-1', placed)).rejects.toMatchObject({
        code: 'ENGINE_FAILED',
        message: expect.stringMatching(/prepared statement.*prepare=false/),
      })
    })

    it('follows what another process appends, by polling', async () => {
      const [reader, writer] = (await stores(2)) as [EventStore, EventStore]
      await writer.append('Order-1', [{ type: 'A', data: {} }])
      const seen: string[] = []
      for await (const { type } of reader.subscribe({ checkpoint: 'mails' })) {
        seen.push(type)
        if (type === 'B') break
        await writer.append('Order-1', [{ type: 'B', data: {} }])
      }
      expect(seen).toEqual(['A', 'B'])
    })
  })
})

function codesOf(results: readonly PromiseSettledResult<unknown>[]): readonly unknown[] {
  return results.flatMap((result) => (result.status === 'rejected' ? [(result.reason as { code?: unknown }).code] : []))
}
