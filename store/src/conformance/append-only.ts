import assert from 'node:assert/strict'
import type { EngineCase } from './case.ts'
import {
  comparable,
  eventFor,
  eventsFor,
  eventsOf,
  idsOf,
  land,
  logOf,
  page,
  read,
  tombstone,
  truncation,
  wholeLog,
} from './port.ts'

/** Promise 1: no verb takes an event out of the log or changes it. */
export const appendOnlyCases: readonly EngineCase[] = [
  {
    promise: 'append-only',
    rule: 'append-only/log-keeps-all',
    name: 'a truncated stream keeps every event in the log',
    run: async ({ engine }) => {
      const events = eventsFor('Order-1', 3)
      await land(engine, ...events)
      const fact = truncation('Order-1', 3)
      await land(engine, fact)
      assert.deepEqual(idsOf(await logOf(engine)), idsOf([...events, fact]))
    },
  },
  {
    promise: 'append-only',
    rule: 'append-only/log-keeps-all',
    name: 'a tombstoned stream keeps every event in the log, the tombstone included',
    run: async ({ engine }) => {
      const events = eventsFor('Order-1', 2)
      await land(engine, ...events)
      const fact = tombstone('Order-1')
      await land(engine, fact)
      assert.deepEqual(idsOf(await logOf(engine)), idsOf([...events, fact]))
      assert.deepEqual(
        idsOf(await read(engine, wholeLog, { direction: 'backward' })),
        idsOf([...events, fact].reverse()),
      )
    },
  },
  {
    promise: 'append-only',
    rule: 'append-only/log-keeps-all',
    name: 'the facts about a stream lie in their own stream, as events',
    run: async ({ engine }) => {
      await land(engine, eventFor('Order-1'))
      const facts = [truncation('Order-1', 1), truncation('Order-1', 2), tombstone('Order-1')]
      for (const fact of facts) await land(engine, fact)
      assert.deepEqual(idsOf(await eventsOf(engine, '$$Order-1')), idsOf(facts))
    },
  },
  {
    promise: 'append-only',
    rule: 'append-only/same-again',
    name: 'an event reads the same after everything that can happen to its stream',
    run: async ({ engine }) => {
      await land(engine, eventFor('Order-1', { data: '{"total":12}', tags: ['customer:1'] }))
      const [first] = await logOf(engine)
      await land(engine, ...eventsFor('Order-1', 5))
      await land(engine, truncation('Order-1', 4))
      await land(engine, tombstone('Order-1'))
      const [again] = await logOf(engine)
      assert.deepEqual(again && comparable(again), first && comparable(first))
    },
  },
  {
    promise: 'append-only',
    rule: 'append-only/own-bytes',
    name: 'a reader who scribbles over the bytes it was given changes nothing for the next one',
    run: async ({ engine }) => {
      const data = Uint8Array.of(1, 2, 3)
      await land(engine, eventFor('File-1', { contentType: 'application/octet-stream', data }))
      const given = (await page(engine, { streamId: 'File-1' })).events[0]?.data
      if (given instanceof Uint8Array) given.fill(9)
      const [event] = await eventsOf(engine, 'File-1')
      assert.equal(event && comparable(event).data, '\x01\x02\x03')
    },
  },
]
