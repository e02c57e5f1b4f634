import { deepEqual, rejects } from 'node:assert/strict'
import { describe, it } from 'vitest'
import { memory } from '../../engines/memory/index.ts'
import type { EventStore } from '../../event-store.ts'
import { openStore } from '../../open-store.ts'
import { defineEvents, event } from '../../schema/events.ts'
import { defineProjection, type Projection } from '../projection.ts'
import { rebuild } from '../rebuild.ts'
import { memoryTarget } from './memory.ts'
import { type SqliteDatabase, sqliteTarget } from './sqlite/index.ts'

const stockEvents = defineEvents({ Received: event<{ sku: string; quantity: number }>() })

async function filled(): Promise<EventStore> {
  const store = openStore({ engine: memory() })
  const received = (quantity: number) => ({ type: 'Received', data: { sku: 'tea', quantity } })
  await store.append('Stock-1', [received(10)])
  await store.append('Other-1', [received(100)])
  await store.append('Stock-1', [received(2)])
  return store
}

describe('a memory target', () => {
  const inStock = (name: string, target: ReturnType<typeof tea>): Projection<{ tea: number }> =>
    defineProjection({
      name,
      events: stockEvents,
      filter: { categories: ['Stock'] },
      target,
      on: {
        Received: (stock, { data }) => {
          stock.tea += data.quantity
        },
      },
    })
  const tea = () => memoryTarget(() => ({ tea: 0 }))

  it('holds what came of the streams that the filter names', async () => {
    const target = tea()
    deepEqual(await rebuild(await filled(), inStock('stock', target)), { position: 3 })
    deepEqual(target.readModel, { tea: 12 })
  })

  it('belongs to one projection', async () => {
    const store = await filled()
    const target = tea()
    await rebuild(store, inStock('stock', target))
    await rejects(rebuild(store, inStock('other', target)), { code: 'INVALID_ARGUMENT', argument: 'target' })
  })
})

describe('a SQLite target', () => {
  it('is shared by projections whose transactions take turns', async () => {
    const store = await filled()
    await using target = sqliteTarget({ path: ':memory:' })
    const list = (name: string): Projection<SqliteDatabase> =>
      defineProjection({
        name,
        events: stockEvents,
        target,
        empty: (db) => db.exec(`create table ${name} (position integer primary key)`),
        on: {
          Received: async (db, { position }) => {
            await new Promise((resolve) => setImmediate(resolve))
            db.prepare(`insert into ${name} values (?)`).run(position)
          },
        },
      })
    await Promise.all([rebuild(store, list('a')), rebuild(store, list('b'))])
    deepEqual(target.readModel.prepare('select count(*) as n from a natural join b').get()?.n, 3)
  })
})
