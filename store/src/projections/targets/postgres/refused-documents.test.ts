import { deepEqual, ok } from 'node:assert/strict'
import { it, onTestFinished } from 'vitest'
import { freshDatabase } from '../../../../../test/postgres/database.ts'
import { onPostgres } from '../../../../../test/postgres/on-postgres.ts'
import { allParked } from '../../../../../test/projections/stock.ts'
import { memory } from '../../../engines/memory/index.ts'
import { openStore } from '../../../open-store.ts'
import { defineEvents, event } from '../../../schema/events.ts'
import { defineProjection } from '../../projection.ts'
import { runProjections } from '../../run-projections.ts'
import { documentTarget, postgresTarget } from './index.ts'

onPostgres(({ cluster }) => {
  it('a document that PostgreSQL cannot take is the failure of its event, and no other one of the batch', async () => {
    const { url, drop } = await freshDatabase(await cluster())
    onTestFinished(drop)
    await using around = postgresTarget({ url })
    const target = documentTarget<{ readonly title: string }>(around, 'books', { indexes: ['title'] })
    const books = defineProjection({
      ...{ name: 'stock', events: defineEvents({ Printed: event<{ id: string; title: string }>() }), target },
      onFailure: () => 'park_event',
      on: { Printed: (documents, { data: { id, title } }) => documents.put(id, { title }) },
    })
    await using store = openStore({ engine: memory() })
    // What does not compress, and is longer than what an index takes.
    const long = Array.from({ length: 9_000 }, (_, index) => ((index * 7_919) % 26_041).toString(36)).join('')
    const printed = ['Emma', long, 'Ulysses'].map((title, index) => ({
      type: 'Printed',
      data: { id: `${index}`, title },
    }))
    await store.append('Books', printed)
    await using running = runProjections(store, [books], { leaseMs: 400, log: () => undefined })
    await running.waitFor('stock', 3)
    deepEqual(
      (await target.readModel.query()).map(({ id }) => id),
      ['0', '2'],
    )
    const parked = await allParked(store)
    deepEqual([parked.length, parked[0]?.position, parked[0]?.code], [1, 2, 'TARGET_FAILED'])
    ok(/index row/.test(parked[0]?.reason ?? ''))
  })
})
