import assert from 'node:assert/strict'
import { alikeNames } from './alike-names.ts'
import type { EngineCase } from './case.ts'
import { eventFor, eventsFor, eventsOf, expecting, idsOf, land, listStreams, request, statusOf } from './port.ts'

const streamCases: readonly EngineCase[] = alikeNames.flatMap(({ rule, name, ids }): EngineCase[] => [
  {
    promise: 'names',
    rule,
    name: `streams are told apart, read, checked and listed: ${name}`,
    run: async ({ engine }) => {
      const events = ids.map((id) => eventFor(id))
      for (const event of events) {
        assert.equal(await statusOf(engine, request([event], expecting(event.streamId, 'no_stream'))), 'done')
      }
      for (const event of events) {
        const found = await eventsOf(engine, event.streamId)
        assert.deepEqual(
          found.map(({ id, streamId, version }) => ({ id, streamId, version })),
          [{ id: event.id, streamId: event.streamId, version: 1 }],
        )
      }
      assert.deepEqual((await listStreams(engine)).map((one) => one.streamId).sort(), [...ids].sort())
    },
  },
  {
    promise: 'names',
    rule: 'names/types-and-tags',
    name: `event types and tags come back as they were: ${name}`,
    run: async ({ engine }) => {
      const terms = ids.filter((id) => id.length <= 255)
      const events = terms.map((term) =>
        eventFor('Order-1', { type: term, tags: [term, `${term}`.slice(0, 254).concat('~')] }),
      )
      for (const event of events) await land(engine, event)
      assert.deepEqual(
        (await eventsOf(engine, 'Order-1')).map(({ type, tags }) => ({ type, tags })),
        events.map(({ type, tags }) => ({ type, tags })),
      )
    },
  },
])

/** Names are sequences of characters and nothing else: no engine reads more or less into them. */
export const nameCases: readonly EngineCase[] = [
  ...streamCases,
  {
    promise: 'names',
    rule: 'names/facts',
    name: 'a fact about a stream concerns that stream alone, however alike another one looks',
    run: async ({ engine }) => {
      const others = ['a:11', 'A:1', 'a:1 ', 'a:1\0', '$a:1']
      for (const id of ['a:1', ...others]) await land(engine, ...eventsFor(id, 2))
      await land(engine, eventFor('$$a:1', { type: '$tombstone' }))
      assert.deepEqual(await eventsOf(engine, 'a:1'), [])
      for (const id of others) assert.equal((await eventsOf(engine, id)).length, 2, id)
    },
  },
  {
    promise: 'names',
    rule: 'names/many',
    name: 'thousands of streams are each their own',
    run: async ({ engine }) => {
      const batch = Array.from({ length: 2_000 }, (_, number) => request([eventFor(`Order-${number}`)]))
      for (let begin = 0; begin < batch.length; begin += 250) await engine.append(batch.slice(begin, begin + 250))
      for (const number of [0, 1, 10, 100, 1_000, 1_999]) {
        assert.deepEqual(idsOf(await eventsOf(engine, `Order-${number}`)), idsOf(batch[number]?.events ?? []))
      }
      assert.equal((await listStreams(engine)).length, 2_000)
    },
  },
]
