import { deepEqual, equal, rejects } from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, it } from 'vitest'
import { memory } from '../engines/memory/index.ts'
import type { EventStore } from '../event-store.ts'
import { limits } from '../model/limits.ts'
import { firstCheckpoint, type Target } from '../model/target.ts'
import { openStore } from '../open-store.ts'
import { defineEvents, event } from '../schema/events.ts'
import { project } from './project.ts'
import { defineProjection, type Projection } from './projection.ts'
import { rebuild } from './rebuild.ts'
import { memoryTarget } from './targets/memory.ts'
import { sqliteTarget } from './targets/sqlite/index.ts'

const stockEvents = defineEvents({
  Received: event<{ sku: string; quantity: number }>(),
  Sold: event<{ sku: string; quantity: number }>(),
  Counted: event<{ sku: string }>(),
})

interface StockOptions {
  readonly version?: number
  /** Position of the event that cannot be handled. */
  readonly failsAt?: number
  readonly name?: string
}

/** The same projection on each target, and how its read model is read. */
interface Bench {
  readonly open: (name: string) => Target<never>
  readonly define: (target: Target<never>, options?: StockOptions) => Projection<never>
  readonly stock: (target: Target<never>) => Readonly<Record<string, number>>
}

function refuse(position: number, { failsAt }: StockOptions): void {
  if (position === failsAt) throw new RangeError('no such shelf')
}

const inMemory: Bench = {
  open: () => memoryTarget(() => new Map<string, number>()) as unknown as Target<never>,
  define: (target, options = {}) =>
    defineProjection({
      name: options.name ?? 'stock',
      ...(options.version && { version: options.version }),
      events: stockEvents,
      target: target as unknown as Target<Map<string, number>>,
      on: {
        Received: (stock, { data, position }) => {
          refuse(position, options)
          stock.set(data.sku, (stock.get(data.sku) ?? 0) + data.quantity)
        },
        Sold: async (stock, { data, position }) => {
          await Promise.resolve()
          refuse(position, options)
          stock.set(data.sku, (stock.get(data.sku) ?? 0) - data.quantity)
        },
      },
    }) as unknown as Projection<never>,
  stock: (target) => Object.fromEntries(target.readModel as unknown as Map<string, number>),
}

let folder = ''
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'varve-project-'))
})
afterAll(() => rmSync(folder, { recursive: true, force: true }))

const add = `insert into stock (sku, quantity) values (?, ?)
  on conflict (sku) do update set quantity = quantity + excluded.quantity`

const inSqlite: Bench = {
  open: (name) => sqliteTarget({ path: join(folder, `${name}.db`) }) as unknown as Target<never>,
  define: (target, options = {}) =>
    defineProjection({
      name: options.name ?? 'stock',
      ...(options.version && { version: options.version }),
      events: stockEvents,
      target: target as unknown as ReturnType<typeof sqliteTarget>,
      empty: (db) =>
        db.exec('drop table if exists stock; create table stock (sku text primary key, quantity integer) strict'),
      on: {
        Received: (db, { data, position }) => {
          refuse(position, options)
          db.prepare(add).run(data.sku, data.quantity)
        },
        Sold: async (db, { data, position }) => {
          await Promise.resolve()
          refuse(position, options)
          db.prepare(add).run(data.sku, -data.quantity)
        },
      },
    }) as unknown as Projection<never>,
  stock: (target) => {
    const { readModel } = target as unknown as ReturnType<typeof sqliteTarget>
    const rows = readModel.prepare('select sku, quantity from stock').all()
    return Object.fromEntries(rows.map((row) => [String(row.sku), Number(row.quantity)]))
  },
}

const received = (sku: string, quantity: number) => ({ type: 'Received', data: { sku, quantity } })
const sold = (sku: string, quantity: number) => ({ type: 'Sold', data: { sku, quantity } })
const noise = { type: 'Noise', data: {} }

async function filled(): Promise<EventStore> {
  const store = openStore({ engine: memory() })
  await store.append('Stock-1', [received('tea', 10), sold('tea', 3), noise, received('mug', 2)])
  return store
}

let names = 0
const freshName = () => `target-${++names}`

describe.each([
  ['memory', inMemory],
  ['sqlite', inSqlite],
])('a projection on the %s target', (_, { open, define, stock }) => {
  it('catches up, then follows, and says when it has come to a position', async () => {
    const store = await filled()
    await using target = open(freshName())
    const running = project(store, define(target))
    await running.waitFor(4)
    deepEqual(stock(target), { tea: 7, mug: 2 })
    const { position } = await store.append('Stock-1', [sold('mug', 1)])
    await running.waitFor(position)
    deepEqual([stock(target), running.position], [{ tea: 7, mug: 1 }, 5])
    await running.stop()
  })

  it('moves its checkpoint over events that it does not handle', async () => {
    const store = await filled()
    await using target = open(freshName())
    const running = project(store, define(target))
    const { position } = await store.append('Stock-1', [noise, { type: 'Counted', data: { sku: 'tea' } }])
    await running.waitFor(position)
    await running.stop()
    deepEqual(await target.checkpoint('stock'), { ...firstCheckpoint(1), position: 6 })
  })

  it('resumes where it was, and counts nothing twice', async () => {
    const store = await filled()
    await using target = open(freshName())
    const first = project(store, define(target))
    await first.waitFor(4)
    await first.stop()
    await store.append('Stock-1', [received('tea', 1)])
    const second = project(store, define(target))
    await second.waitFor(5)
    await second.stop()
    deepEqual(stock(target), { tea: 8, mug: 2 })
  })

  it.each([1, 2, 4])('stops loudly at the event that it cannot handle, here %i', async (failsAt) => {
    const store = await filled()
    await using target = open(freshName())
    const running = project(store, define(target, { failsAt }))
    const [event] = await store.readAll({ from: failsAt, limit: 1 }).toArray()
    const failure = {
      code: 'PROJECTION_FAILED',
      projection: 'stock',
      position: failsAt,
      eventId: event?.id,
      eventType: event?.type,
      streamId: 'Stock-1',
      message: /no such shelf/,
    }
    await Promise.all([rejects(running.waitFor(4), failure), rejects(running.done, failure)])
    await rejects(running.waitFor(4), failure)
    await rejects(running.stop(), failure)
    deepEqual(stock(target), {})
  })

  it('goes on at that event once it is mended', async () => {
    const store = await filled()
    await using target = open(freshName())
    await rejects(project(store, define(target, { failsAt: 4 })).done, { code: 'PROJECTION_FAILED' })
    const mended = project(store, define(target))
    await mended.waitFor(4)
    await mended.stop()
    deepEqual(stock(target), { tea: 7, mug: 2 })
  })

  it('fails at an event in a schema version that is not defined', async () => {
    const store = await filled()
    await store.append('Stock-1', [{ ...received('tea', 1), schemaVersion: 2 }])
    await using target = open(freshName())
    const failure = { code: 'PROJECTION_FAILED', position: 5, message: /schema version 2/ }
    await rejects(project(store, define(target)).done, failure)
  })

  it('is built anew by a newer version, and refused to an older one', async () => {
    const store = await filled()
    await using target = open(freshName())
    await rebuild(store, define(target))
    const newer = project(store, define(target, { version: 2 }))
    await newer.waitFor(4)
    await newer.stop()
    deepEqual(stock(target), { tea: 7, mug: 2 })
    deepEqual(await target.checkpoint('stock'), { ...firstCheckpoint(2), position: 4 })
    await rejects(project(store, define(target)).done, { code: 'INVALID_ARGUMENT', argument: 'version' })
  })

  it('is rebuilt from the first event, and ends another run of it', async () => {
    const store = await filled()
    await using target = open(freshName())
    const running = project(store, define(target))
    await running.waitFor(4)
    await store.append(
      'Stock-1',
      Array.from({ length: 2 * limits.projectionEvents }, () => received('tea', 1)),
    )
    const conflict = rejects(running.done, { code: 'CHECKPOINT_CONFLICT', checkpoint: 'stock' })
    deepEqual(await rebuild(store, define(target)), { position: 4 + 2 * limits.projectionEvents })
    deepEqual(stock(target), { tea: 7 + 2 * limits.projectionEvents, mug: 2 })
    await store.append('Stock-1', [noise])
    await conflict
  })

  it('is kept from running twice: of two, one ends', async () => {
    const store = await filled()
    await using target = open(freshName())
    const both = [project(store, define(target)), project(store, define(target))]
    const ended = await Promise.race(both.map(({ done }) => done.catch((error) => error)))
    equal(ended.code, 'CHECKPOINT_CONFLICT')
    await Promise.allSettled(both.map((running) => running.waitFor(4)))
    await Promise.allSettled(both.map((running) => running.stop()))
    deepEqual(stock(target), { tea: 7, mug: 2 })
  })

  it('ends without a failure when it is stopped, by call, by signal or with the store', async () => {
    const store = await filled()
    await using target = open(freshName())
    const stopped = project(store, define(target))
    await stopped.waitFor(4)
    await stopped.stop()
    await stopped.stop()
    await rejects(stopped.waitFor(5), { code: 'STORE_CLOSED' })

    const stopping = new AbortController()
    const aborted = project(store, define(target), { signal: stopping.signal })
    const waiting = aborted.waitFor(5)
    stopping.abort()
    await rejects(waiting, { code: 'STORE_CLOSED' })
    await aborted.done

    const last = project(store, define(target))
    await last.waitFor(4)
    await store.close()
    await last.done
  })

  it('gives up waiting when the signal of the wait aborts, and goes on', async () => {
    const store = await filled()
    await using target = open(freshName())
    await using running = project(store, define(target))
    const waiting = new AbortController()
    const late = running.waitFor(5, { signal: waiting.signal })
    waiting.abort(new Error('enough'))
    await rejects(late, /enough/)
    await store.append('Stock-1', [noise])
    await running.waitFor(5)
  })

  it('rejects a rebuild whose store closes or whose signal aborts', async () => {
    const store = await filled()
    await using target = open(freshName())
    await rejects(rebuild(store, define(target), { signal: AbortSignal.abort(new Error('enough')) }), /enough/)
    await store.close()
    await rejects(rebuild(store, define(target)), { code: 'STORE_CLOSED' })
  })

  it('takes nothing from a closed target', async () => {
    const store = await filled()
    const target = open(freshName())
    await target.close()
    await target.close()
    await rejects(project(store, define(target)).done, { code: 'STORE_CLOSED' })
  })
})
