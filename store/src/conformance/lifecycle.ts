import assert from 'node:assert/strict'
import type { Engine } from '../engine/engine.ts'
import type { EventToStore, StoredEvent } from '../model/event.ts'
import { metadataEventType, type StreamState } from '../model/stream.ts'
import type { EngineCase } from './case.ts'
import {
  eventFor,
  eventsFor,
  eventsOf,
  expecting,
  land,
  listStreams,
  metadataFact,
  page,
  read,
  request,
  statusOf,
  tombstone,
  truncation,
} from './port.ts'

async function stateOf(engine: Engine, streamId: string): Promise<StreamState | undefined> {
  return (await page(engine, { streamId }, { limit: 0 })).stream
}

function versionsOf(events: readonly StoredEvent[]): number[] {
  return events.map((event) => event.version)
}

/** Events of a metadata stream that are no facts: no store sends them, but an import by other means may. */
const malformedFacts: readonly { readonly what: string; readonly fields: Partial<EventToStore> }[] = [
  { what: 'a type that is none of facts', fields: { type: 'Happened' } },
  { what: 'another content type', fields: { contentType: 'application/octet-stream' } },
  { what: 'no JSON', fields: { data: '{"truncate_before":' } },
  { what: 'nothing at all', fields: { data: '' } },
  { what: 'bytes that are no UTF-8', fields: { data: new Uint8Array([0x7b, 0xff, 0x7d]) } },
  { what: 'null', fields: { data: 'null' } },
  { what: 'a list', fields: { data: '[{"truncate_before":3}]' } },
  ...['0', '-1', '2.5', '"3"', 'null', 'true', '[3]', '9007199254740992', '1e400'].map((value) => ({
    what: `a truncation before ${value}`,
    fields: { data: `{"truncate_before":${value}}` },
  })),
]

/** What appended facts do to the stream they speak about. */
export const lifecycleCases: readonly EngineCase[] = [
  {
    promise: 'lifecycle',
    rule: 'lifecycle/truncate',
    name: 'a truncation hides the versions before it from reads of the stream, in both directions and from anywhere',
    run: async ({ engine }) => {
      await land(engine, ...eventsFor('Order-1', 5))
      await land(engine, truncation('Order-1', 4))
      const source = { streamId: 'Order-1' }
      assert.deepEqual(versionsOf(await read(engine, source)), [4, 5])
      assert.deepEqual(versionsOf(await read(engine, source, { direction: 'backward' })), [5, 4])
      assert.deepEqual(versionsOf(await read(engine, source, { from: 2, limit: 1 })), [4, 5])
      assert.deepEqual(versionsOf(await read(engine, source, { from: 3, direction: 'backward' })), [])
    },
  },
  {
    promise: 'lifecycle',
    rule: 'lifecycle/truncate',
    name: 'a truncated stream goes on with its next version',
    run: async ({ engine }) => {
      await land(engine, ...eventsFor('Order-1', 3))
      await land(engine, truncation('Order-1', 3))
      assert.equal(await statusOf(engine, request([eventFor('Order-1')], expecting('Order-1', 3))), 'done')
      assert.deepEqual(versionsOf(await eventsOf(engine, 'Order-1')), [3, 4])
    },
  },
  {
    promise: 'lifecycle',
    rule: 'lifecycle/delete',
    name: 'a deleted stream reads as nothing, and its versions continue when it is written again',
    run: async ({ engine }) => {
      await land(engine, ...eventsFor('Order-1', 3))
      await land(engine, truncation('Order-1', 4))
      assert.deepEqual(await eventsOf(engine, 'Order-1'), [])
      await land(engine, ...eventsFor('Order-1', 2))
      assert.deepEqual(versionsOf(await eventsOf(engine, 'Order-1')), [4, 5])
    },
  },
  {
    promise: 'lifecycle',
    rule: 'lifecycle/truncate',
    name: 'a truncation beyond the last version also hides what is appended below it',
    run: async ({ engine }) => {
      await land(engine, eventFor('Order-1'))
      await land(engine, truncation('Order-1', 4))
      await land(engine, ...eventsFor('Order-1', 4))
      assert.deepEqual(versionsOf(await eventsOf(engine, 'Order-1')), [4, 5])
    },
  },
  {
    promise: 'lifecycle',
    rule: 'lifecycle/tombstone',
    name: 'a tombstoned stream reads as nothing and takes no append, whatever it expects',
    run: async ({ engine }) => {
      await land(engine, ...eventsFor('Order-1', 2))
      await land(engine, tombstone('Order-1'))
      assert.deepEqual(await eventsOf(engine, 'Order-1'), [])
      assert.deepEqual(await read(engine, { streamId: 'Order-1' }, { direction: 'backward' }), [])
      for (const expected of ['any', 'no_stream', 'stream_exists', 0, 2, 7] as const) {
        assert.equal(
          await statusOf(engine, request([eventFor('Order-1')], expecting('Order-1', expected))),
          'tombstoned',
        )
      }
    },
  },
  {
    promise: 'lifecycle',
    rule: 'lifecycle/tombstone',
    name: 'a stream tombstoned before it was ever written can never be written',
    run: async ({ engine }) => {
      await land(engine, tombstone('Order-1'))
      assert.equal(await statusOf(engine, request([eventFor('Order-1')])), 'tombstoned')
      assert.deepEqual(await stateOf(engine, 'Order-1'), { version: 0, truncateBefore: 1, tombstoned: true })
    },
  },
  {
    promise: 'lifecycle',
    rule: 'lifecycle/tombstone-stays',
    name: 'no fact takes a tombstone back',
    run: async ({ engine }) => {
      await land(engine, ...eventsFor('Order-1', 2))
      await land(engine, tombstone('Order-1'))
      await land(engine, truncation('Order-1', 1))
      await land(engine, metadataFact('Order-1', '{}'))
      assert.equal(await statusOf(engine, request([eventFor('Order-1')])), 'tombstoned')
      assert.deepEqual(await eventsOf(engine, 'Order-1'), [])
    },
  },
  {
    promise: 'lifecycle',
    rule: 'lifecycle/neighbours',
    name: 'truncating and tombstoning streams leaves all others as they were',
    run: async ({ engine }) => {
      for (const streamId of ['Order-1', 'Order-2', 'Order-3']) await land(engine, ...eventsFor(streamId, 2))
      await land(engine, truncation('Order-1', 3))
      await land(engine, tombstone('Order-3'))
      assert.deepEqual(versionsOf(await eventsOf(engine, 'Order-2')), [1, 2])
      assert.deepEqual(await stateOf(engine, 'Order-2'), { version: 2, truncateBefore: 1, tombstoned: false })
      assert.equal(await statusOf(engine, request([eventFor('Order-2')], expecting('Order-2', 2))), 'done')
    },
  },
  {
    promise: 'lifecycle',
    rule: 'lifecycle/metadata-replaces',
    name: 'the last metadata holds: without a truncation in it everything shows again',
    run: async ({ engine }) => {
      await land(engine, ...eventsFor('Order-1', 3))
      await land(engine, truncation('Order-1', 4))
      await land(engine, truncation('Order-1', 2))
      assert.deepEqual(versionsOf(await eventsOf(engine, 'Order-1')), [2, 3])
      await land(engine, metadataFact('Order-1', '{"owner":"ann"}'))
      assert.deepEqual(versionsOf(await eventsOf(engine, 'Order-1')), [1, 2, 3])
    },
  },
  {
    promise: 'lifecycle',
    rule: 'lifecycle/facts-as-bytes',
    name: 'a fact holds whether its payload came as text or as bytes',
    run: async ({ engine }) => {
      await land(engine, ...eventsFor('Order-1', 3))
      await land(engine, metadataFact('Order-1', new TextEncoder().encode('{"truncate_before":3}')))
      assert.deepEqual(versionsOf(await eventsOf(engine, 'Order-1')), [3])
    },
  },
  ...malformedFacts.map(
    ({ what, fields }): EngineCase => ({
      promise: 'lifecycle',
      rule: 'lifecycle/malformed-fact',
      name: `a fact that is malformed is an event like any other and changes no state: ${what}`,
      run: async ({ engine }) => {
        await land(engine, ...eventsFor('Order-1', 4))
        await land(engine, truncation('Order-1', 2))
        const fact = eventFor('$$Order-1', { type: metadataEventType, data: '{"truncate_before":3}', ...fields })
        await land(engine, fact)
        const state = await stateOf(engine, 'Order-1')
        assert.deepEqual([state?.truncateBefore, state?.tombstoned], [2, false])
        assert.equal((await eventsOf(engine, '$$Order-1')).at(-1)?.id, fact.id)
      },
    }),
  ),
  {
    promise: 'lifecycle',
    rule: 'lifecycle/refused-fact',
    name: 'a fact whose append is refused changes nothing',
    run: async ({ engine }) => {
      await land(engine, ...eventsFor('Order-1', 2))
      const late = request([tombstone('Order-1')], expecting('$$Order-1', 5))
      assert.equal(await statusOf(engine, late), 'conflict')
      assert.equal(await statusOf(engine, request([eventFor('Order-1')])), 'done')
      assert.deepEqual(versionsOf(await eventsOf(engine, 'Order-1')), [1, 2, 3])
    },
  },
  {
    promise: 'lifecycle',
    rule: 'lifecycle/checked-fact',
    name: 'a fact is refused when the stream it speaks about moved on',
    needs: ['multiStreamAppends'],
    run: async ({ engine }) => {
      await land(engine, ...eventsFor('Order-1', 2))
      const late = request([truncation('Order-1', 2)], expecting('Order-1', 1))
      assert.equal(await statusOf(engine, late), 'conflict')
      assert.deepEqual(versionsOf(await eventsOf(engine, 'Order-1')), [1, 2])
    },
  },
  {
    promise: 'lifecycle',
    rule: 'lifecycle/own-category',
    name: 'the facts about a stream are events of a stream of their own, which stays open under a tombstone',
    run: async ({ engine }) => {
      await land(engine, tombstone('Order-1'))
      await land(engine, metadataFact('Order-1', '{"note":"closed by mistake"}'))
      assert.deepEqual(versionsOf(await eventsOf(engine, '$$Order-1')), [1, 2])
    },
  },
  {
    promise: 'lifecycle',
    rule: 'lifecycle/listing',
    name: 'the listing keeps truncated, deleted and tombstoned streams and says what they are',
    run: async ({ engine }) => {
      for (const streamId of ['A', 'B', 'C', 'D']) await land(engine, ...eventsFor(streamId, 2))
      await land(engine, truncation('B', 2))
      await land(engine, truncation('C', 3))
      await land(engine, tombstone('D'))
      await land(engine, tombstone('Never'))
      const listed = (await listStreams(engine)).filter((one) => !one.streamId.startsWith('$$'))
      assert.deepEqual(listed, [
        { streamId: 'A', version: 2, truncateBefore: 1, tombstoned: false, exists: true },
        { streamId: 'B', version: 2, truncateBefore: 2, tombstoned: false, exists: true },
        { streamId: 'C', version: 2, truncateBefore: 3, tombstoned: false, exists: false },
        { streamId: 'D', version: 2, truncateBefore: 1, tombstoned: true, exists: false },
      ])
    },
  },
]
