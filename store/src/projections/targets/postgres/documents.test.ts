import { Pool } from 'pg'
import { describe, expect, it, onTestFinished } from 'vitest'
import { freshDatabase } from '../../../../../test/postgres/database.ts'
import { onPostgres } from '../../../../../test/postgres/on-postgres.ts'
import { memory } from '../../../engines/memory/index.ts'
import type { RecordedEvent } from '../../../model/event.ts'
import { firstCheckpoint, type Target, type TargetChange } from '../../../model/target.ts'
import { openStore } from '../../../open-store.ts'
import { defineEvents, event } from '../../../schema/events.ts'
import { project } from '../../project.ts'
import { defineProjection } from '../../projection.ts'
import { memoryTarget } from '../memory.ts'
import {
  type DocumentQuestion,
  type Documents,
  type DocumentTargetOptions,
  documentTarget,
  postgresTarget,
} from './index.ts'

interface Order {
  readonly status: 'open' | 'paid' | null
  readonly cents?: number
  readonly customer?: { readonly id: string; readonly city?: string }
  readonly lines?: readonly { readonly sku: string; readonly count: number }[]
}

type Orders = Documents<Order>

const orders: Readonly<Record<string, Order>> = {
  a: { status: 'open', cents: 300, customer: { id: 'c1', city: 'Köln' }, lines: [{ sku: 'tea', count: 2 }] },
  b: { status: 'paid', cents: 1_000, customer: { id: 'c2' }, lines: [{ sku: 'mug', count: 1 }] },
  c: { status: 'open', cents: 20, customer: { id: 'c1', city: 'Köln' } },
  d: { status: null },
}

async function write(target: Target<Orders>, apply: (orders: Orders) => unknown, position = 0): Promise<void> {
  const expected = await target.checkpoint('orders')
  const change = { projection: 'orders', expected, next: { ...firstCheckpoint(1), position } }
  await target.write({ ...change, empty: expected === undefined, apply })
}

function putAll(documents: Orders): void {
  for (const [id, order] of Object.entries(orders)) documents.put(id, order)
}

let schemas = 0

onPostgres(({ cluster }) => {
  let shared: ReturnType<typeof freshDatabase> | undefined

  /** A collection, and the statements that were sent about it. */
  async function opened(options: DocumentTargetOptions<Order> = {}) {
    shared ??= freshDatabase(await cluster())
    const pool = new Pool({ connectionString: (await shared).url })
    const schema = `views_${++schemas}`
    onTestFinished(() => pool.end())
    const sent: string[] = []
    pool.on('connect', (client) => {
      const { query } = client
      client.query = (...given: unknown[]) => {
        sent.push(String((given[0] as { readonly text: string }).text))
        return Reflect.apply(query, client, given)
      }
    })
    const target = documentTarget<Order>(postgresTarget({ pool, schema }), 'orders', options)
    const about = () => sent.filter((text) => text.includes('"orders"'))
    return { target, about, pool, schema }
  }

  describe('a document', () => {
    it('is got back as it was put, as a copy, by handlers and by readers', async () => {
      const { target } = await opened()
      await write(target, async (documents) => {
        putAll(documents)
        const order = await documents.get('a')
        expect(order).toEqual(orders.a)
        Object.assign(order ?? {}, { status: 'paid' })
        expect(await documents.get('a')).toEqual(orders.a)
      })
      await write(target, async (documents) => expect(await documents.get('a')).toEqual(orders.a))
      expect(await target.readModel.get('a')).toEqual(orders.a)
      expect(await target.readModel.get('z')).toBeUndefined()
    })

    it('is put in place of the one before, and deleted', async () => {
      const { target } = await opened()
      await write(target, putAll)
      await write(target, async (documents) => {
        documents.put('a', { status: 'paid' })
        documents.delete('b')
        documents.delete('z')
        expect([await documents.get('a'), await documents.get('b')]).toEqual([{ status: 'paid' }, undefined])
        documents.delete('c')
        documents.put('c', { status: 'paid' })
      })
      const found = await target.readModel.query()
      expect(found.map(({ id, document }) => [id, document.status])).toEqual([
        ['a', 'paid'],
        ['c', 'paid'],
        ['d', null],
      ])
    })

    it('says how far the projection was when it was put', async () => {
      const { target } = await opened()
      await write(target, putAll, 4)
      await write(target, (documents) => documents.put('a', { status: 'paid' }), 9)
      const found = await target.readModel.query()
      expect(found.map(({ position }) => position)).toEqual([9, 4, 4, 4])
    })

    it.each(['', 'a\0b', '\x01', "'; drop table orders; --", '🐘', '__proto__', 'x'.repeat(500)])(
      'has any id: %j',
      async (id) => {
        const { target } = await opened()
        await write(target, (documents) => documents.put(id, { status: 'open' }))
        expect(await target.readModel.get(id)).toEqual({ status: 'open' })
        expect((await target.readModel.query()).map((found) => found.id)).toEqual([id])
      },
    )

    it.each<[string, unknown, object]>([
      ['no object', 7, { argument: 'document', message: /no object/ }],
      ['nothing', undefined, { argument: 'document' }],
      ['no JSON', { status: 1n }, { argument: 'document', message: /no JSON/ }],
      ['text with NUL', { status: 'a\0' }, { argument: 'document', message: /U\+0000/ }],
      ['half of a pair', { '\ud83d': 1 }, { argument: 'document', message: /surrogate/ }],
    ])('is refused at once when it is %s', async (_, document, refusal) => {
      const { target } = await opened()
      const writing = write(target, (documents) => documents.put('a', document as Order))
      await expect(writing).rejects.toMatchObject({ code: 'INVALID_ARGUMENT', ...refusal })
    })

    it('may hold text that only looks like what is refused', async () => {
      const { target } = await opened()
      const document = { status: 'open', customer: { id: '\\u0000 \\\\ud83d' } } as const
      await write(target, (documents) => documents.put('a', document))
      expect(await target.readModel.get('a')).toEqual(document)
    })

    it('is changed by handlers only, with ids that are strings', async () => {
      const { target } = await opened()
      expect(() => target.readModel.put('a', { status: 'open' })).toThrowError(/handlers/)
      expect(() => target.readModel.delete('a')).toThrowError(/handlers/)
      await expect(target.readModel.get('x'.repeat(501))).rejects.toMatchObject({ code: 'LIMIT_EXCEEDED' })
      await expect(write(target, (documents) => documents.delete(7 as never))).rejects.toMatchObject({ argument: 'id' })
    })
  })

  describe('a query', () => {
    it.each<[string, DocumentQuestion<Order>, string]>([
      ['everything, by id', {}, 'a b c d'],
      ['a field', { where: { status: 'open' } }, 'a c'],
      ['null, which is no missing field', { where: { status: null } }, 'd'],
      ['a whole object', { where: { customer: { id: 'c1', city: 'Köln' } } }, 'a c'],
      ['not a part of one', { where: { customer: { id: 'c1' } } }, ''],
      ['several fields', { where: { status: 'open', cents: 20 } }, 'c'],
      ['a part', { contains: { customer: { id: 'c1' } } }, 'a c'],
      ['an item', { contains: { lines: [{ sku: 'tea' }] } }, 'a'],
      ['both', { where: { cents: 20 }, contains: { customer: { id: 'c1' } } }, 'c'],
      ['by a field, in the order of numbers', { orderBy: 'cents' }, 'c a b d'],
      ['the other way', { orderBy: 'cents', direction: 'descending' }, 'b a c d'],
      ['among equals by id', { orderBy: 'status', where: { status: 'open' } }, 'a c'],
      ['the first', { orderBy: 'cents', limit: 1 }, 'c'],
      ['the next', { orderBy: 'cents', limit: 2, skip: 1 }, 'a b'],
      ['none', { limit: 0 }, ''],
      ['what nobody has', { where: { "x'": 1 } as object }, ''],
    ])('finds %s', async (_, question, ids) => {
      const { target } = await opened()
      await write(target, putAll)
      const found = await target.readModel.query(question)
      expect(found.map(({ id }) => id).join(' ')).toBe(ids)
    })

    it('finds what its handlers have put and deleted before', async () => {
      const { target } = await opened()
      await write(target, putAll)
      await write(target, async (documents) => {
        documents.put('e', { status: 'open' })
        documents.delete('a')
        const found = await documents.query({ where: { status: 'open' } })
        expect(found.map(({ id }) => id)).toEqual(['c', 'e'])
        documents.put('c', { status: 'paid' })
      })
      expect((await target.readModel.query({ where: { status: 'open' } })).map(({ id }) => id)).toEqual(['e'])
    })

    it.each<[object, object]>([
      [{ limit: -1 }, { argument: 'limit' }],
      [{ skip: 0.5 }, { argument: 'skip' }],
      [{ limit: 10_001 }, { code: 'LIMIT_EXCEEDED' }],
      [{ direction: 'up' }, { argument: 'direction' }],
      [{ where: { status: undefined } }, { argument: 'where.status' }],
    ])('is refused %j', async (question, refusal) => {
      const { target } = await opened()
      await expect(target.readModel.query(question)).rejects.toMatchObject(refusal)
    })

    it('finds nothing before the projection begins', async () => {
      const { target } = await opened()
      expect([await target.readModel.get('a'), await target.readModel.query()]).toEqual([undefined, []])
    })

    it('uses the indexes that were asked for', async () => {
      const { target, pool, schema } = await opened({ indexes: ['status'], indexContents: true })
      await write(target, (documents) => {
        for (let nth = 0; nth < 2_000; nth++) documents.put(`${nth}`, { status: 'open', cents: nth })
        documents.put('b', { status: 'paid', customer: { id: 'c1' } })
      })
      await pool.query(`analyze ${schema}.orders`)
      const plan = async (condition: string): Promise<string> => {
        // So few rows are read faster without any index.
        const sql = `set local enable_seqscan = off; explain select count(*) from ${schema}.orders where ${condition}`
        return JSON.stringify(await pool.query(sql))
      }
      expect(await plan(`document -> 'status' = '"paid"'`)).toContain('orders_expr_id_idx')
      expect(await plan(`document @> '{"customer":{"id":"c1"}}'`)).toContain('orders_document_idx')
    })
  })

  describe('a batch', () => {
    const place = (orderId: string, nth: number) => ({ type: 'Placed', data: { orderId, nth } })

    async function run(options: DocumentTargetOptions<Order>) {
      const { target, about } = await opened(options)
      const projection = defineProjection({
        name: 'orders',
        events: defineEvents({ Placed: event<{ orderId: string; nth: number }>() }),
        target,
        on: {
          Placed: async (documents, { data }) => {
            const before = await documents.get(data.orderId)
            documents.put(data.orderId, { status: 'open', cents: (before?.cents ?? 0) + data.nth })
          },
        },
      })
      const store = openStore({ engine: memory() })
      await store.append(
        'Order-1',
        Array.from({ length: 30 }, (_, nth) => place(`order ${nth % 10}`, nth)),
      )
      const running = project(store, projection)
      await running.waitFor(30)
      await running.stop()
      expect((await target.readModel.get('order 3'))?.cents).toBe(3 + 13 + 23)
      return about().filter((text) => /^\s*(select|insert)/.test(text) && !text.includes('where id = $1'))
    }

    it('asks for each document once, and writes them in one statement', async () => {
      expect((await run({})).map((text) => text.trim().split(' ')[0])).toEqual([...Array(10).fill('select'), 'insert'])
    })
  })

  it('loads what its keys name in one statement, when the write tells its events', async () => {
    const { target, about } = await opened({ keys: ({ data }) => [(data as { id: string }).id] })
    await write(target, putAll)
    const events = ['a', 'b', 'z', 'a'].map((id) => ({ data: { id } }) as RecordedEvent)
    const apply: TargetChange<Orders>['apply'] = async (documents) => {
      for (const id of ['a', 'b', 'z']) expect(await documents.get(id)).toEqual(orders[id])
    }
    const before = about().length
    const expected = await target.checkpoint('orders')
    await target.write({ projection: 'orders', expected, next: firstCheckpoint(1), empty: false, apply, events })
    expect(about().length - before).toBe(1)
  })

  it('says at which event the keys cannot be told', async () => {
    const { target } = await opened({
      keys: () => {
        throw new RangeError('no id')
      },
    })
    const failing = { position: 7, id: 'x', type: 'Placed', streamId: 'Order-1' } as RecordedEvent
    const change = { projection: 'orders', expected: undefined, next: firstCheckpoint(1), empty: true }
    const writing = target.write({ ...change, apply: () => undefined, events: [failing] })
    await expect(writing).rejects.toMatchObject({ code: 'PROJECTION_FAILED', position: 7, message: /no id/ })
  })

  it('leaves the target open when it is closed', async () => {
    const { target, pool, schema } = await opened()
    const other = documentTarget<Order>(postgresTarget({ pool, schema }), 'others')
    await target.close()
    await expect(target.checkpoint('orders')).rejects.toMatchObject({ code: 'STORE_CLOSED' })
    await expect(target.readModel.get('a')).rejects.toMatchObject({ code: 'STORE_CLOSED' })
    await write(other, putAll)
  })
})

it.each<[string, Parameters<typeof documentTarget>]>([
  ['target', [memoryTarget(() => 0) as never, 'orders']],
  ['collection', [postgresTarget({ url: 'postgres://127.0.0.1/a' }), 'varve_orders']],
  ['collection', [postgresTarget({ url: 'postgres://127.0.0.1/a' }), 'a"b']],
  ['keys', [postgresTarget({ url: 'postgres://127.0.0.1/a' }), 'orders', { keys: 'id' as never }]],
])('a collection is refused for its %s', (argument, given) => {
  expect(() => documentTarget(...given)).toThrowError(expect.objectContaining({ code: 'INVALID_ARGUMENT', argument }))
})
