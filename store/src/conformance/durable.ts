import assert from 'node:assert/strict'
import type { Engine } from '../engine/engine.ts'
import type { EngineCase } from './case.ts'
import {
  comparable,
  eventFor,
  eventsFor,
  eventsOf,
  expecting,
  item,
  land,
  listStreams,
  logOf,
  request,
  statusOf,
  tombstone,
  truncation,
  unless,
} from './port.ts'

/** Promise 6, as far as a test inside one process can tell: what was acknowledged is there after closing and opening again. */
export const durableCases: readonly EngineCase[] = [
  {
    promise: 'durable',
    rule: 'durable/events',
    name: 'every acknowledged event is there after a reopen, the same to the byte',
    needs: ['durable'],
    run: async ({ engine, reopen }) => {
      const binary = { contentType: 'application/octet-stream', data: Uint8Array.of(0, 255, 128, 10) }
      await land(engine, eventFor('Order-1', { data: '{"name":"Zoë 🐘"}', tags: ['a', 'b:1'], schemaVersion: 3 }))
      await land(engine, eventFor('File-1', binary), eventFor('File-1', { ...binary, data: new Uint8Array() }))
      await land(engine, eventFor('Order-1', { recordedAtMs: 1, metadata: '{"user_id":"u"}' }))
      const before = (await logOf(engine)).map(comparable)
      const reopened = await reopen()
      assert.deepEqual((await logOf(reopened)).map(comparable), before)
      assert.equal(await reopened.head(), before.at(-1)?.position)
    },
  },
  {
    promise: 'durable',
    rule: 'durable/goes-on',
    name: 'after a reopen versions and positions go on where they stood',
    needs: ['durable'],
    run: async ({ engine, reopen }) => {
      await land(engine, ...eventsFor('Order-1', 3))
      const reopened = await reopen()
      const head = await reopened.head()
      assert.equal(await statusOf(reopened, request([eventFor('Order-1')], expecting('Order-1', 2))), 'conflict')
      const next = await land(reopened, eventFor('Order-1'))
      assert.ok(next.firstPosition > head)
      assert.equal(next.streams[0]?.firstVersion, 4)
    },
  },
  {
    promise: 'durable',
    rule: 'durable/streams',
    name: 'truncated, deleted and tombstoned streams are so after a reopen',
    needs: ['durable'],
    run: async ({ engine, reopen }) => {
      for (const streamId of ['Order-1', 'Order-2', 'Order-3', 'Order-4']) await land(engine, ...eventsFor(streamId, 3))
      await land(engine, truncation('Order-1', 3))
      await land(engine, truncation('Order-2', 4))
      await land(engine, tombstone('Order-3'))
      await land(engine, tombstone('Order-99'))
      const before = await listStreams(engine)
      const reopened = await reopen()
      assert.deepEqual(await listStreams(reopened), before)
      assert.deepEqual(
        (await eventsOf(reopened, 'Order-1')).map((event) => event.version),
        [3],
      )
      assert.equal(await statusOf(reopened, request([eventFor('Order-2')], expecting('Order-2', 'no_stream'))), 'done')
      assert.equal(await statusOf(reopened, request([eventFor('Order-3')])), 'tombstoned')
      assert.equal(await statusOf(reopened, request([eventFor('Order-99')])), 'tombstoned')
    },
  },
  {
    promise: 'durable',
    rule: 'durable/conditions',
    name: 'after a reopen conditions see everything that was appended before',
    needs: ['durable', 'appendConditions'],
    run: async ({ engine, reopen }) => {
      const { firstPosition } = await land(engine, eventFor('User-1', { type: 'NameTaken', tags: ['name:eve', 'eu'] }))
      await land(engine, ...eventsFor('Order-1', 20))
      const reopened = await reopen()
      const claim = (after: number, fields: Parameters<typeof item>[0]): Promise<string> =>
        statusOf(reopened, request([eventFor('User-2')], unless(item(fields), after)))
      assert.equal(await claim(0, { tags: ['eu', 'name:eve'] }), 'condition_failed')
      assert.equal(await claim(0, { types: ['NameTaken'] }), 'condition_failed')
      assert.equal(await claim(firstPosition, { tags: ['name:eve'] }), 'done')
    },
  },
  {
    promise: 'durable',
    rule: 'durable/shelf',
    name: 'the shelf has its entries and their versions after a reopen',
    needs: ['durable'],
    run: async ({ engine, reopen }) => {
      await engine.shelf.put('checkpoint/a', '17', { expectedVersion: undefined })
      await engine.shelf.put('checkpoint/a', '18', { expectedVersion: 1 })
      await engine.shelf.put('gone', 'x', { expectedVersion: 0 })
      await engine.shelf.delete('gone', { expectedVersion: 1 })
      const reopened = await reopen()
      assert.equal((await reopened.shelf.get('checkpoint/a'))?.version, 2)
      assert.equal(await reopened.shelf.get('gone'), undefined)
      assert.equal(await reopened.shelf.put('checkpoint/a', '19', { expectedVersion: 1 }), 'conflict')
    },
  },
  {
    promise: 'durable',
    rule: 'durable/many-reopens',
    name: 'a storage opened many times with an append in between loses and repeats nothing',
    needs: ['durable'],
    run: async ({ engine, reopen }) => {
      let open: Engine = engine
      for (let turn = 0; turn < 8; turn++) {
        await land(open, ...eventsFor(`Order-${turn % 3}`, turn + 1))
        open = await reopen()
      }
      const log = await logOf(open)
      assert.equal(log.length, 36)
      assert.equal(new Set(log.map((event) => event.id)).size, 36)
      assert.deepEqual(
        (await eventsOf(open, 'Order-0')).map((event) => event.version),
        Array.from({ length: 12 }, (_, index) => index + 1),
      )
    },
  },
]
