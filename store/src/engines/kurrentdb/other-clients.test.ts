import { deepEqual, equal, rejects } from 'node:assert/strict'
import { jsonEvent } from '@kurrent/kurrentdb-client'
import { afterEach, describe, it } from 'vitest'
import { type Database, onKurrent } from '../../../../test/kurrent/database.ts'
import type { EventStore } from '../../event-store.ts'
import { openStore } from '../../open-store.ts'

const opened: EventStore[] = []
afterEach(async () => {
  for (const store of opened.splice(0)) await store.close()
})

function openIn({ engineIn }: Database, namespace: string): EventStore {
  const store = openStore({ engine: engineIn(namespace) })
  opened.push(store)
  return store
}

onKurrent((database) => {
  describe('another client of KurrentDB', () => {
    it('reads what Varve appended as it would have been appended there', async () => {
      const namespace = database.freshNamespace()
      const metadata = { correlationId: 'req-1', causationId: 'cmd-2', userId: 'ann' }
      await openIn(database, namespace).append('Order-7', [
        { type: 'Placed', data: { total: 12 }, metadata, tags: ['a'] },
      ])

      const { value: resolved } = await database.client().readStream(`${namespace}:Order-7`).next()

      const { type, data, isJson, revision, metadata: shown } = resolved?.event ?? {}
      deepEqual({ type, data, isJson, revision }, { type: 'Placed', data: { total: 12 }, isJson: true, revision: 0n })
      const { $correlationId, $causationId, user_id } = shown as Record<string, string>
      deepEqual(
        { $correlationId, $causationId, user_id },
        { $correlationId: 'req-1', $causationId: 'cmd-2', user_id: 'ann' },
      )
    })

    it('appends what Varve reads, with what led to it', async () => {
      const namespace = database.freshNamespace()
      const metadata = { $correlationId: 'req-1', region: 'eu' }
      const placed = jsonEvent({ type: 'Placed', data: { total: 12 }, metadata })
      await database.client().appendToStream(`${namespace}:Order-7`, placed)

      const event = await openIn(database, namespace).readStream('Order-7').first()

      const { id, streamId, type, data, version, tags } = event ?? {}
      const expected = { id: placed.id, streamId: 'Order-7', type: 'Placed', data: { total: 12 }, version: 1, tags: [] }
      deepEqual({ id, streamId, type, data, version, tags }, expected)
      deepEqual([event?.metadata.correlationId, event?.metadata.region], ['req-1', 'eu'])
    })

    it('appends bytes and text that is no JSON, which Varve reads', async () => {
      const namespace = database.freshNamespace()
      const data = Uint8Array.of(0, 255)
      const event = { id: crypto.randomUUID(), type: 'Scanned', contentType: 'application/octet-stream', data } as const
      await database.client().appendToStream(`${namespace}:File-1`, { ...event, metadata: Uint8Array.of(1, 254) })

      const read = await openIn(database, namespace).readStream('File-1').first()

      deepEqual(read?.data, data)
      deepEqual(read?.rawMetadata, Uint8Array.of(1, 254))
    })

    it('moves a stream on, and an append that expects the old version loses', async () => {
      const namespace = database.freshNamespace()
      const store = openIn(database, namespace)
      await store.append('Order-7', [{ type: 'Placed', data: {} }])
      await database.client().appendToStream(`${namespace}:Order-7`, jsonEvent({ type: 'Paid', data: {} }))

      const late = store.append('Order-7', [{ type: 'Shipped', data: {} }], { expectedVersion: 1 })

      await rejects(late, { code: 'VERSION_CONFLICT', expected: 1, actual: 2 })
      equal((await store.append('Order-7', [{ type: 'Shipped', data: {} }])).firstVersion, 3)
    })

    it('tombstones a stream, which then takes nothing from Varve either', async () => {
      const namespace = database.freshNamespace()
      const store = openIn(database, namespace)
      await store.append('Order-7', [{ type: 'Placed', data: {} }])
      await database.client().tombstoneStream(`${namespace}:Order-7`)

      await rejects(store.append('Order-7', [{ type: 'Paid', data: {} }]), { code: 'STREAM_TOMBSTONED' })

      equal((await store.streamInfo('Order-7')).tombstoned, true)
      deepEqual(await store.readStream('Order-7').toArray(), [])
    })

    it('deletes a stream, whose versions go on when Varve writes it again', async () => {
      const namespace = database.freshNamespace()
      const store = openIn(database, namespace)
      await store.append('Order-7', [
        { type: 'Placed', data: {} },
        { type: 'Paid', data: {} },
      ])
      await database.client().deleteStream(`${namespace}:Order-7`)

      const again = await store.append('Order-7', [{ type: 'Placed', data: {} }], { expectedVersion: 'no_stream' })

      equal(again.firstVersion, 3)
      const read = await store.readStream('Order-7').toArray()
      deepEqual(
        read.map(({ version }) => version),
        [3],
      )
    })

    it('has appended an id that Varve then finds taken only where Varve took it', async () => {
      const namespace = database.freshNamespace()
      const store = openIn(database, namespace)
      const foreign = jsonEvent({ type: 'Placed', data: {} })
      await database.client().appendToStream(`${namespace}:Order-7`, foreign)

      equal(await store.readEvent(foreign.id), undefined)
    })
  })

  describe('a namespace', () => {
    it('keeps a store apart from every other one in the database', async () => {
      const [left, right] = [database.freshNamespace(), database.freshNamespace()].map((name) => openIn(database, name))
      const id = crypto.randomUUID()
      await left?.append('Order-7', [{ type: 'Placed', data: {}, id }])
      await left?.tombstone('Order-7')
      equal(
        (await right?.append('Order-7', [{ type: 'Placed', data: {}, id }], { expectedVersion: 0 }))?.idempotent,
        false,
      )
      equal((await right?.readAll().toArray())?.length, 1)
      deepEqual(
        (await right?.streams().toArray())?.map(({ streamId }) => streamId),
        ['Order-7'],
      )
    })

    it('is seen by a store without one, which shows no bookkeeping', async () => {
      const namespace = database.freshNamespace()
      const id = crypto.randomUUID()
      await openIn(database, namespace).append('Order-7', [{ type: 'Placed', data: {}, id }])

      const log = await openIn(database, '').readAll({ direction: 'backward' }).toArray()

      deepEqual(
        log.filter((event) => event.id === id).map(({ streamId }) => streamId),
        [`${namespace}:Order-7`],
      )
      deepEqual(
        log.filter(({ type }) => type.startsWith('varve:')),
        [],
      )
    })
  })
})
