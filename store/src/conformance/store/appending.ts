import assert from 'node:assert/strict'
import { limits } from '../../model/limits.ts'
import type { Need, StoreCase } from '../case.ts'
import { newId } from '../port.ts'
import { headOf, logIds, numbered, numberedFrom, numbersOf, typesIn } from './public.ts'

/** Appending through the public API. */
export const appendingCases: readonly StoreCase[] = [
  {
    promise: 'ordered',
    rule: 'store/append',
    name: 'an append says where its events landed',
    shards: 'one',
    run: async ({ store }) => {
      const first = await store.append('Order-1', numberedFrom(1, 2))
      assert.deepEqual(
        { ...first, eventIds: first.eventIds.length },
        {
          streamId: 'Order-1',
          firstVersion: 1,
          version: 2,
          firstPosition: 1,
          position: 2,
          eventIds: 2,
          idempotent: false,
        },
      )
      const second = await store.append('Order-1', [numbered(3)], { expectedVersion: 2 })
      assert.deepEqual([second.firstVersion, second.version, second.position], [3, 3, 3])
      assert.deepEqual([...first.eventIds, ...second.eventIds], await logIds(store))
      assert.equal(await store.head(), 3)
    },
    needs: ['gaplessPositions'],
  },
  {
    promise: 'atomic',
    rule: 'store/append-all',
    name: 'an append to several streams lands side by side and says where',
    shards: 'one',
    needs: ['multiStreamAppends'],
    run: async ({ store }) => {
      await store.append('Account-b', [numbered(0)])
      const landed = await store.appendAll([
        { streamId: 'Account-a', events: numberedFrom(1, 2), expectedVersion: 'no_stream' },
        { streamId: 'Account-b', events: [numbered(3)], expectedVersion: 1 },
      ])
      assert.deepEqual(landed.streams, [
        { streamId: 'Account-a', firstVersion: 1, version: 2 },
        { streamId: 'Account-b', firstVersion: 2, version: 2 },
      ])
      assert.deepEqual(landed.eventIds, (await logIds(store)).slice(1))
      assert.deepEqual(numbersOf(await store.readAll().toArray()), [0, 1, 2, 3])
    },
  },
  {
    promise: 'atomic',
    rule: 'store/append-all',
    name: 'an append to several streams is refused as a whole when one has moved on, written or only checked',
    needs: ['multiStreamAppends'],
    run: async ({ store }) => {
      await store.append('Account-b', [numbered(0)])
      for (const events of [[numbered(2)], []]) {
        const late = store.appendAll([
          { streamId: 'Account-a', events: [numbered(1)] },
          { streamId: 'Account-b', events, expectedVersion: 0 },
        ])
        await assert.rejects(late, { code: 'VERSION_CONFLICT', streamId: 'Account-b', expected: 0, actual: 1 })
      }
      assert.equal((await logIds(store)).length, 1)
    },
  },
  {
    promise: 'versioned',
    rule: 'store/version-conflict',
    name: 'a version that does not hold is VERSION_CONFLICT with all its facts, and nothing is written',
    run: async ({ store }) => {
      await store.append('Order-1', numberedFrom(1, 2))
      for (const expected of [0, 1, 3, 'no_stream'] as const) {
        const late = store.append('Order-1', [numbered(9)], { expectedVersion: expected })
        await assert.rejects(late, {
          code: 'VERSION_CONFLICT',
          streamId: 'Order-1',
          expected,
          actual: 2,
          retryable: true,
        })
      }
      const missing = store.append('Order-2', [numbered(9)], { expectedVersion: 'stream_exists' })
      await assert.rejects(missing, {
        code: 'VERSION_CONFLICT',
        streamId: 'Order-2',
        expected: 'stream_exists',
        actual: 0,
      })
      assert.equal((await logIds(store)).length, 2)
    },
  },
  {
    promise: 'versioned',
    rule: 'store/one-winner',
    name: 'of 32 appends that expect the same version one is done, and 31 are refused',
    run: async ({ store }) => {
      const appends = Array.from({ length: 32 }, (_, n) =>
        store.append('Order-1', [numbered(n)], { expectedVersion: 0 }),
      )
      const settled = await Promise.allSettled(appends)
      assert.equal(settled.filter((one) => one.status === 'fulfilled').length, 1)
      for (const one of settled) if (one.status === 'rejected') assert.equal(one.reason.code, 'VERSION_CONFLICT')
      assert.equal((await store.readStream('Order-1').toArray()).length, 1)
    },
  },
  {
    promise: 'batches',
    rule: 'store/neighbours',
    name: 'appends sent at once succeed and fail each on its own',
    run: async ({ store }) => {
      await store.append('Taken-1', [numbered(0)])
      const sent = Array.from({ length: 60 }, (_, n) =>
        n % 3 === 0
          ? store.append('Taken-1', [numbered(n)], { expectedVersion: 0 })
          : store.append(`Order-${n}`, [numbered(n)], { expectedVersion: 0 }),
      )
      const settled = await Promise.allSettled(sent)
      assert.deepEqual(
        settled.map((one) => one.status),
        settled.map((_, n) => (n % 3 === 0 ? 'rejected' : 'fulfilled')),
      )
      assert.equal((await logIds(store)).length, 41)
      assert.deepEqual(numbersOf(await store.readStream('Order-59').toArray()), [59])
    },
  },
  {
    promise: 'idempotent',
    rule: 'store/repeat',
    name: 'a repeated append answers with the first result and says that it repeats',
    run: async ({ store }) => {
      const events = [1, 2].map((n) => ({ ...numbered(n), id: newId() }))
      const first = await store.append('Order-1', events, { expectedVersion: 0 })
      await store.append('Order-1', [numbered(3)])
      assert.deepEqual(await store.append('Order-1', events, { expectedVersion: 0 }), { ...first, idempotent: true })
      assert.deepEqual(await store.append('Order-1', events), { ...first, idempotent: true })
      assert.equal((await logIds(store)).length, 3)
    },
  },
  {
    promise: 'idempotent',
    rule: 'store/repeat',
    name: 'the same append sent twice at once is written once',
    run: async ({ store }) => {
      const events = [{ ...numbered(1), id: newId() }]
      const both = await Promise.all([store.append('Order-1', events), store.append('Order-1', events)])
      assert.deepEqual(both.map((one) => one.idempotent).sort(), [false, true])
      assert.equal((await logIds(store)).length, 1)
    },
  },
  {
    promise: 'idempotent',
    rule: 'store/event-id-case',
    name: 'an event id is the same id in upper case, and comes back in lower case',
    run: async ({ store }) => {
      const id = newId()
      await store.append('Order-1', [{ ...numbered(1), id: id.toUpperCase() }])
      assert.equal((await store.append('Order-1', [{ ...numbered(1), id }])).idempotent, true)
      assert.deepEqual(await logIds(store), [id])
    },
  },
  {
    promise: 'idempotent',
    rule: 'store/duplicate',
    name: 'a stored id elsewhere, and a partly repeated append, are DUPLICATE_EVENT_ID naming id and stream',
    run: async ({ store }) => {
      const stored = { ...numbered(1), id: newId() }
      await store.append('Order-1', [stored])
      const facts = { code: 'DUPLICATE_EVENT_ID', eventId: stored.id, streamId: 'Order-1' }
      await assert.rejects(store.append('Order-2', [stored]), facts)
      await assert.rejects(store.append('Order-1', [stored, numbered(2)]), facts)
      await assert.rejects(store.append('Order-1', [numbered(2), stored]), facts)
      assert.deepEqual(await logIds(store), [stored.id])
    },
  },
  {
    promise: 'idempotent',
    rule: 'store/idempotency-key',
    name: 'appends with one idempotency key are one append, with another key another one',
    run: async ({ store }) => {
      const send = (idempotencyKey: string, streamId = 'Order-1'): ReturnType<typeof store.append> =>
        store.append(streamId, numberedFrom(1, 2), { idempotencyKey })
      const first = await send('request-1')
      assert.deepEqual(await send('request-1'), { ...first, idempotent: true })
      assert.equal((await send('request-2')).idempotent, false)
      assert.equal((await send('request-1', 'Order-2')).idempotent, false)
      assert.equal((await logIds(store)).length, 6)
    },
  },
  {
    promise: 'idempotent',
    rule: 'store/idempotency-key',
    name: 'an idempotency key is remembered after closing and opening again',
    needs: ['durable'],
    run: async ({ store, reopen }) => {
      const first = await store.append('Order-1', [numbered(1)], { idempotencyKey: 'request-1' })
      const reopened = await reopen()
      const again = await reopened.append('Order-1', [numbered(1)], { idempotencyKey: 'request-1' })
      assert.deepEqual(again, { ...first, idempotent: true })
    },
  },
  {
    promise: 'bounded',
    rule: 'store/empty-append',
    name: 'an append without events is refused as an argument',
    run: async ({ store }) => {
      await assert.rejects(store.append('Order-1', []), { code: 'INVALID_ARGUMENT' })
      await assert.rejects(store.appendAll([]), { code: 'INVALID_ARGUMENT' })
      assert.equal(await headOf(store), 0)
    },
  },
  {
    promise: 'bounded',
    rule: 'store/limits',
    name: 'whatever passes a bound is refused by name, and nothing is written',
    run: async ({ store }) => {
      const long = (chars: number): string => 'x'.repeat(chars + 1)
      const refused = (limit: string): object => ({ code: 'LIMIT_EXCEEDED', limit })
      await assert.rejects(store.append(long(limits.streamIdChars), [numbered(1)]), refused('streamIdChars'))
      await assert.rejects(
        store.append('A', [{ ...numbered(1), type: long(limits.eventTypeChars) }]),
        refused('eventTypeChars'),
      )
      await assert.rejects(store.append('A', [{ ...numbered(1), tags: [long(limits.tagChars)] }]), refused('tagChars'))
      const tags = Array.from({ length: limits.eventTags + 1 }, (_, n) => `tag:${n}`)
      await assert.rejects(store.append('A', [{ ...numbered(1), tags }]), refused('eventTags'))
      await assert.rejects(store.append('A', numberedFrom(1, limits.appendEvents + 1)), refused('appendEvents'))
      assert.equal(await headOf(store), 0)
    },
  },
  {
    promise: 'bounded',
    rule: 'store/payload-too-large',
    name: 'a payload over the limit is PAYLOAD_TOO_LARGE, one exactly at the limit is taken',
    run: async ({ store }) => {
      const contentType = 'application/octet-stream'
      const data = new Uint8Array(limits.eventBytes - 2)
      await store.append('File-1', [{ type: 'Uploaded', data, contentType }])
      const larger = store.append('File-1', [
        { type: 'Uploaded', data: new Uint8Array(limits.eventBytes + 1), contentType },
      ])
      await assert.rejects(larger, { code: 'PAYLOAD_TOO_LARGE', allowed: limits.eventBytes })
      assert.deepEqual(await typesIn(store, 'File-1'), ['Uploaded'])
    },
  },
  {
    promise: 'closing',
    rule: 'store/signals',
    name: 'calls with an aborted signal reject with its reason',
    run: async ({ store }) => {
      const reason = new Error('the caller went away')
      const signal = AbortSignal.abort(reason)
      const same = (error: unknown): boolean => error === reason
      await assert.rejects(store.append('Order-1', [numbered(1)], { signal }), same)
      await assert.rejects(store.readStream('Order-1', { signal }).toArray(), same)
      await assert.rejects(store.readAll({ signal }).first(), same)
      await assert.rejects(store.head({ signal }), same)
      await assert.rejects(store.streams({ signal }).toArray(), same)
      await assert.rejects(store.streamInfo('Order-1', { signal }), same)
      await assert.rejects(store.checkpoints.load('a', { signal }), same)
      assert.equal(await headOf(store), 0)
    },
  },
  {
    promise: 'closing',
    rule: 'store/closed',
    name: 'every call on a closed store is STORE_CLOSED, and closing again is fine',
    run: async ({ store }) => {
      await store.append('Order-1', [numbered(1)])
      await store.close()
      await store.close()
      const closed = { code: 'STORE_CLOSED' }
      await assert.rejects(store.append('Order-1', [numbered(2)]), closed)
      await assert.rejects(store.readStream('Order-1').toArray(), closed)
      await assert.rejects(store.readAll().last(), closed)
      await assert.rejects(store.head(), closed)
      await assert.rejects(store.streams().first(), closed)
      await assert.rejects(store.streamInfo('Order-1'), closed)
      await assert.rejects(store.getStreamMetadata('Order-1'), closed)
      await assert.rejects(store.truncateBefore('Order-1', 2), closed)
      await assert.rejects(store.deleteStream('Order-1'), closed)
      await assert.rejects(store.tombstone('Order-1'), closed)
      await assert.rejects(store.checkpoints.save('a', 1), closed)
    },
  },
  {
    promise: 'closing',
    rule: 'store/close-waits',
    name: 'appends under way when the store closes are each done or refused, never both',
    needs: ['durable'],
    run: async ({ store, reopen }) => {
      const sent = Array.from({ length: 50 }, (_, n) => store.append(`Order-${n}`, [numbered(n)]))
      const settled = Promise.allSettled(sent)
      await store.close()
      const outcomes = await settled
      const reopened = await reopen()
      const kept = new Set((await reopened.readAll().toArray()).map((event) => event.streamId))
      for (const [n, one] of outcomes.entries()) {
        if (one.status === 'fulfilled') assert.ok(kept.has(`Order-${n}`), `Order-${n} was acknowledged`)
        else assert.equal(one.reason.code, 'STORE_CLOSED')
      }
    },
  },
  {
    promise: 'honest',
    rule: 'store/not-supported',
    name: 'what the engine beneath cannot do is NOT_SUPPORTED, and nothing is written',
    run: async ({ store }) => {
      const { appendConditions, multiStreamAppends, callerTransactions } = store.capabilities
      const refused = (capability: Need) => ({ code: 'NOT_SUPPORTED', capability })
      if (!callerTransactions) {
        const asked = store.withTransaction({}).append('Order-1', [numbered(1)])
        await assert.rejects(asked, refused('callerTransactions'))
      }
      if (!appendConditions) {
        const condition = { failIfMatch: { tags: ['a'] } }
        await assert.rejects(store.append('Order-1', [numbered(1)], { condition }), refused('appendConditions'))
      }
      if (!multiStreamAppends) {
        const writes = ['Order-1', 'Order-2'].map((streamId) => ({ streamId, events: [numbered(1)] }))
        await assert.rejects(store.appendAll(writes), refused('multiStreamAppends'))
        const onlyChecked = { streamId: 'Order-2', events: [], expectedVersion: 0 }
        await assert.rejects(store.appendAll([...writes.slice(0, 1), onlyChecked]), refused('multiStreamAppends'))
      }
      assert.equal(await headOf(store), 0)
    },
  },
]
