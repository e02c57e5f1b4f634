import { deepEqual, equal, match, ok, rejects } from 'node:assert/strict'
import { Client } from 'pg'
import { afterAll, beforeAll, describe, it } from 'vitest'
import { type FreshPlace, first, freshDatabase } from '../../../../test/postgres/database.ts'
import { onEveryPostgres } from '../../../../test/postgres/on-postgres.ts'
import { openShop } from '../../../../test/postgres/shop.ts'
import type { EventStore } from '../../event-store.ts'
import type { NewEvent, RecordedEvent } from '../../model/event.ts'
import { correlate } from '../../streams/causation.ts'
import { grantScript } from './grant.ts'

const placed: NewEvent = { type: 'OrderPlaced', data: { cents: 5 }, tags: ['customer:1'] }
const paid: NewEvent = { type: 'OrderPaid', data: {} }
const idsOf = async (store: EventStore) => (await store.readAll().toArray()).map((event) => event.id)

/** Reads until it has met so many events, in order, without gap; rejects when it met one twice or out of turn. */
async function tail(store: EventStore, count: number): Promise<readonly RecordedEvent[]> {
  const events: RecordedEvent[] = []
  for await (const event of store.subscribe({ signal: AbortSignal.timeout(55_000) })) {
    equal(event.position, events.length + 1)
    if (events.push(event) === count) break
  }
  return events
}

function specifyCommits(database: () => FreshPlace): void {
  it('is there with the row it belongs to once the transaction commits, and not before', async () => {
    await using shop = await openShop(database())
    const { store } = shop
    await store.append('Order-0', [placed])
    const appended = await shop.transaction(async (client) => {
      await client.query('insert into orders values (1)')
      const landed = await store.withTransaction(client).append('Order-1', [placed, paid])
      equal(await store.head(), 1)
      return landed
    })
    const events = await store.readStream('Order-1').toArray()
    deepEqual(
      [appended.firstVersion, appended.version, appended.idempotent, 'position' in appended],
      [1, 2, false, false],
    )
    deepEqual(
      events.map(({ id, position, version, data }) => [id, position, version, data]),
      [
        [appended.eventIds[0], 2, 1, { cents: 5 }],
        [appended.eventIds[1], 3, 2, {}],
      ],
    )
    equal((await store.readAll({ filter: { tags: ['customer:1'] } }).toArray()).length, 2)
    equal(await first(shop, 'select id from orders'), 1)
  })

  it('is gone with the transaction, and with a savepoint that is taken back', async () => {
    await using shop = await openShop(database())
    const { store } = shop
    await shop.transaction(async (client) => {
      await store.withTransaction(client).append('Order-1', [placed])
      await client.query('rollback')
      await client.query('begin; savepoint s')
      await store.withTransaction(client).append('Order-1', [placed])
      await store.withTransaction(client).append('Order-2', [placed])
      await client.query('rollback to s')
      await store.withTransaction(client).append('Order-2', [paid], { expectedVersion: 'no_stream' })
    })
    deepEqual(
      (await store.readAll().toArray()).map(({ streamId, type }) => [streamId, type]),
      [['Order-2', 'OrderPaid']],
    )
    deepEqual(
      (await store.streams().toArray()).map(({ streamId, version }) => [streamId, version]),
      [['Order-2', 1]],
    )
  })

  it('asks for no more rights than those of a role that appends', async () => {
    await using shop = await openShop(database())
    const role = `app_${shop.schema}`
    await shop.store.head()
    await shop.pool.query(`drop role if exists ${role}; create role ${role}; ${grantScript(shop.schema, role)}`)
    await shop.transaction(async (client) => {
      await client.query(`set local role ${role}`)
      await shop.store.withTransaction(client).append('Order-1', [placed])
    })
    equal(await shop.store.head(), 1)
    await shop.pool.query(`drop owned by ${role}; drop role ${role}`)
  })
}

function specifyContents(database: () => FreshPlace): void {
  it('carries ids, metadata, bytes, times and facts about streams as any other', async () => {
    await using shop = await openShop(database())
    const { store } = shop
    const blob: NewEvent = {
      type: 'Blob\0',
      data: Uint8Array.of(0, 255),
      contentType: 'image/x',
      timestamp: '2020-01-02T03:04:05.678Z',
      schemaVersion: 3,
    }
    const tombstone: NewEvent = { type: '$tombstone', data: {} }
    await shop.transaction((client) =>
      correlate({ correlationId: 'request-7' }, () =>
        store.withTransaction(client).appendAll(
          [
            { streamId: 'B-1', events: [blob] },
            { streamId: 'A-1', events: [placed], expectedVersion: 'no_stream' },
            { streamId: '$$A-1', events: [tombstone] },
          ],
          { idempotencyKey: 'key' },
        ),
      ),
    )
    const [kept, , fact] = await store.readAll().toArray()
    deepEqual(
      [kept?.type, kept?.data, kept?.contentType, kept?.metadata.timestamp, kept?.schemaVersion],
      ['Blob\0', Uint8Array.of(0, 255), 'image/x', '2020-01-02T03:04:05.678Z', 3],
    )
    equal(fact?.metadata.correlationId, 'request-7')
    await rejects(store.append('A-1', [paid]), { code: 'STREAM_TOMBSTONED' })
  })

  it('is refused as any other, and leaves the transaction usable', async () => {
    await using shop = await openShop(database())
    const { store } = shop
    const { eventIds } = await store.append('Order-1', [placed])
    await store.append('Gone-1', [placed])
    await store.tombstone('Gone-1')
    await shop.transaction(async (client) => {
      const within = store.withTransaction(client)
      const condition = { failIfMatch: { tags: ['customer:1'] }, after: 1 }
      await rejects(within.append('Order-1', [paid], { expectedVersion: 7 }), {
        code: 'VERSION_CONFLICT',
        expected: 7,
        actual: 1,
      })
      await rejects(within.append('Gone-1', [paid]), { code: 'STREAM_TOMBSTONED' })
      await rejects(within.append('Order-2', [{ ...paid, id: eventIds[0] as string }]), {
        code: 'DUPLICATE_EVENT_ID',
        streamId: 'Order-1',
      })
      await rejects(within.append('Order-2', [paid], { condition }), {
        code: 'CONDITION_FAILED',
        after: 1,
        position: 2,
      })
      await within.append('Order-1', [paid], { expectedVersion: 1 })
      await rejects(within.append('Order-1', [paid], { expectedVersion: 1 }), { code: 'VERSION_CONFLICT', actual: 2 })
    })
    equal((await store.streamInfo('Order-1')).version, 2)
    equal((await store.streamInfo('Order-2')).version, 0)
  })
}

function specifyRepeats(database: () => FreshPlace): void {
  it('repeated in the same transaction, in a later one or outside answers with the first result', async () => {
    await using shop = await openShop(database())
    const { store } = shop
    const options = { idempotencyKey: 'place order 1', expectedVersion: 'no_stream' as const }
    const results = await shop.transaction(async (client) => {
      const within = store.withTransaction(client)
      return [await within.append('Order-1', [placed], options), await within.append('Order-1', [placed], options)]
    })
    const later = await shop.transaction((client) => store.withTransaction(client).append('Order-1', [placed], options))
    const outside = await store.append('Order-1', [placed], options)
    deepEqual(
      [...results, later, outside].map(({ version, idempotent }) => [version, idempotent]),
      [
        [1, false],
        [1, true],
        [1, true],
        [1, true],
      ],
    )
    equal((await idsOf(store)).length, 1)
  })

  it('fails the commit when an event that matches its condition was committed meanwhile', async () => {
    await using shop = await openShop(database())
    const { store } = shop
    const condition = { failIfMatch: { tags: ['customer:1'] } }
    const losing = shop.transaction(async (client) => {
      await client.query('insert into orders values (99)')
      await store.withTransaction(client).append('Order-1', [placed], { condition })
      await store.append('Order-2', [placed], { condition })
    })
    await rejects(losing, { code: 'VV003' })
    deepEqual(
      (await store.readAll().toArray()).map((event) => event.streamId),
      ['Order-2'],
    )
    equal(await first(shop, 'select count(*)::int from orders where id = 99'), 0)
  })

  it('needs a connection with a transaction of the isolation level read committed', async () => {
    await using shop = await openShop(database())
    const { store, pool } = shop
    const append = (client: object) => store.withTransaction(client).append('Order-1', [placed])
    const invalid = { code: 'INVALID_ARGUMENT', argument: 'client' }
    await rejects(append({}), invalid)
    await rejects(append(pool), invalid)
    const client = await pool.connect()
    await rejects(append(client), { ...invalid, message: /'begin'/ })
    client.release()
    for (const level of ['repeatable read', 'serializable']) {
      const refused = shop.transaction(append, `begin isolation level ${level}`)
      await rejects(refused, { ...invalid, message: /begin isolation level read committed/ })
    }
    equal(await store.head(), 0)
  })
}

function specifyNeighbours(database: () => FreshPlace): void {
  it('blocks nobody who writes other streams while the transaction is open', async () => {
    await using shop = await openShop(database())
    const { store } = shop
    await shop.transaction(async (client) => {
      await store.withTransaction(client).append('Order-1', [placed])
      await store.append('Order-2', [placed])
    })
    deepEqual(
      (await store.readAll().toArray()).map((event) => event.streamId),
      ['Order-2', 'Order-1'],
    )
  })

  it('wakes those who wait, in other processes too', async () => {
    await using shop = await openShop(database())
    const { store } = shop
    await store.append('Order-0', [placed])
    const met = tail(store, 2)
    await shop.transaction((client) => store.withTransaction(client).append('Order-1', [paid]))
    equal((await met).at(-1)?.type, 'OrderPaid')
  })

  it('makes two-phase commit fail, which could leave the log locked', async () => {
    await using shop = await openShop(database())
    const prepared = shop.transaction(async (client) => {
      await shop.store.withTransaction(client).append('Order-1', [placed])
      await client.query("prepare transaction 'x'")
    })
    await rejects(prepared, (error: Error) => {
      match(error.message, /PREPARE|prepared transactions are disabled/)
      return true
    })
    equal(await shop.store.head(), 0)
  })

  it('races with plain appends: versions are right, and readers meet every event in order', {
    timeout: 60_000,
  }, async () => {
    await using shop = await openShop(database())
    const { store } = shop
    const [writers, each] = [4, 25]
    const reading = tail(store, writers * each * 3)
    const streams = ['S-1', 'S-2', 'S-3'] as const
    const plain = async (writer: number) => {
      for (let n = 0; n < each; n++) await store.append(streams[(writer + n) % 3] ?? 'S-1', [paid])
    }
    const within = async (writer: number) => {
      for (let n = 0; n < each; n++) {
        const pair = [streams[(writer + n) % 3] ?? 'S-1', streams[(writer + n + 1) % 3] ?? 'S-1']
        await shop.transaction((client) =>
          store.withTransaction(client).appendAll(pair.map((streamId) => ({ streamId, events: [placed] }))),
        )
      }
    }
    await Promise.all([0, 1, 2, 3].flatMap((writer) => [plain(writer), within(writer)]))
    const events = await reading
    for (const streamId of streams) {
      const versions = events.filter((event) => event.streamId === streamId).map((event) => event.version)
      deepEqual(
        versions,
        versions.map((_, index) => index + 1),
      )
    }
    ok(new Set(events.map((event) => event.id)).size === events.length)
  })
}

onEveryPostgres(({ cluster }) => {
  let database: FreshPlace

  beforeAll(async () => {
    database = await freshDatabase(await cluster())
    const client = new Client({ connectionString: database.url })
    await client.connect()
    await client.query('create table orders (id int primary key)')
    await client.end()
  })
  afterAll(() => database.drop())

  describe('an append in a transaction of the caller', () => {
    specifyCommits(() => database)
    specifyContents(() => database)
    specifyRepeats(() => database)
    specifyNeighbours(() => database)
  })
})
