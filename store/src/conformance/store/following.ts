import assert from 'node:assert/strict'
import type { EventStore } from '../../event-store.ts'
import type { SubscriptionItem } from '../../model/call.ts'
import type { RecordedEvent } from '../../model/event.ts'
import type { StoreCase } from '../case.ts'
import { headOf, logIds, numbered, numberedFrom, numbersOf, take, within } from './public.ts'

/** Promise 7: subscriptions deliver every event once, in order; first what is there, then what comes. */
export const followingCases: readonly StoreCase[] = [
  {
    promise: 'live',
    rule: 'store/catch-up-and-follow',
    name: 'a subscription delivers what is there and then what comes, each once and in order',
    run: async ({ store }) => {
      await store.append('Order-1', numberedFrom(1, 3))
      const taking = take(store.subscribe(), 6)
      for (const n of [4, 5, 6]) await store.append(`Order-${n}`, [numbered(n)])
      assert.deepEqual(numbersOf(await taking), [1, 2, 3, 4, 5, 6])
    },
  },
  {
    promise: 'live',
    rule: 'store/catch-up-and-follow',
    name: 'subscriptions that begin while 32 writers race deliver every event once, in order',
    shards: 'one',
    run: async ({ store }) => {
      const writers = Array.from({ length: 32 }, async (_, writer) => {
        for (let turn = 0; turn < 6; turn++) await store.append(`Order-${writer}`, numberedFrom(turn, 2))
      })
      const taking = Promise.all([0, 1, 2].map(() => take(store.subscribe(), 32 * 12)))
      await Promise.all(writers)
      const log = await logIds(store)
      for (const events of await taking)
        assert.deepEqual(
          events.map((event) => event.id),
          log,
        )
    },
  },
  {
    promise: 'live',
    rule: 'store/from',
    name: 'a subscription begins at the position it is given, or at the end',
    shards: 'one',
    run: async ({ store }) => {
      await store.append('Order-1', numberedFrom(1, 3))
      const third = (await store.readAll().toArray())[2]?.position ?? 0
      assert.deepEqual(numbersOf(await take(store.subscribe({ from: third }), 1)), [3])
      const marks = store.subscribe({ from: 'end', marks: true })[Symbol.asyncIterator]()
      const { value: first } = await within('the mark at the end', () => marks.next())
      assert.equal((first as SubscriptionItem).kind, 'caught_up')
      await store.append('Order-1', [numbered(4)])
      const next = await within('the next event', () => nextEvent(marks))
      assert.deepEqual(numbersOf([next]), [4])
      await marks.return?.()
    },
  },
  {
    promise: 'live',
    rule: 'store/filter',
    name: 'a filtered subscription delivers what matches, and its marks pass what does not',
    run: async ({ store }) => {
      await store.append('Order-1', [numbered(1, 'Placed'), numbered(2, 'Paid'), numbered(3, 'Placed')])
      await store.append('Order-2', numberedFrom(4, 20))
      const items: SubscriptionItem[] = []
      await within('the subscription to catch up', async () => {
        for await (const item of store.subscribe({ filter: { types: ['Placed'] }, marks: true })) {
          items.push(item)
          if (item.kind === 'caught_up') return
        }
      })
      assert.deepEqual(numbersOf(items.flatMap((item) => (item.kind === 'event' ? [item.event] : []))), [1, 3])
      const last = items.at(-1)
      assert.equal(last?.kind !== 'event' && last?.position, await headOf(store))
    },
  },
  {
    promise: 'live',
    rule: 'store/one-stream',
    name: 'a subscription to one stream delivers that stream alone, from a version on',
    run: async ({ store }) => {
      await store.append('Order-1', numberedFrom(1, 3))
      await store.append('Order-11', [numbered(99)])
      const taking = take(store.subscribe({ stream: 'Order-1', from: 2 }), 3)
      await store.append('Order-11', [numbered(98)])
      await store.append('Order-1', [numbered(4)])
      assert.deepEqual(numbersOf(await taking), [2, 3, 4])
    },
  },
  {
    promise: 'live',
    rule: 'store/slow-reader',
    name: 'a slow reader misses nothing that is appended while it works',
    run: async ({ store }) => {
      const seen: number[] = []
      await store.append('Order-1', [numbered(1)])
      await within('ten events', async () => {
        for await (const event of store.subscribe()) {
          seen.push(...numbersOf([event]))
          if (seen.length === 10) return
          if (event.version < 10) await store.append('Order-1', [numbered(seen.length + 1)])
        }
      })
      assert.deepEqual(seen, [1, 2, 3, 4, 5, 6, 7, 8, 9, 10])
    },
  },
  {
    promise: 'live',
    rule: 'store/ends',
    name: 'a subscription rejects with the reason of its signal, and ends quietly when the store closes',
    run: async ({ store }) => {
      await store.append('Order-1', [numbered(1)])
      const reason = new Error('the reader went away')
      const stop = new AbortController()
      const aborted = drain(store.subscribe({ signal: stop.signal }), () => stop.abort(reason))
      await assert.rejects(
        within('the subscription to notice its signal', () => aborted),
        (error) => error === reason,
      )
      const following = drain(store.subscribe(), () => undefined)
      await store.append('Order-1', [numbered(2)])
      await store.close()
      await within('the subscription to end with the store', () => following)
    },
  },
  {
    promise: 'live',
    rule: 'store/checkpoint',
    name: 'a subscription with a checkpoint goes on after the last event whose turn was over',
    shards: 'one',
    run: async ({ store }) => {
      await store.append('Order-1', numberedFrom(1, 4))
      const checkpoint = { name: 'mails', everyEvents: 1 }
      // The loop is left during the third event, so its turn was not over.
      const taken = await take(store.subscribe({ checkpoint }), 3)
      assert.deepEqual(numbersOf(taken), [1, 2, 3])
      await savedAt(store, 'mails', taken[1]?.position ?? 0)
      assert.deepEqual(numbersOf(await take(store.subscribe({ checkpoint }), 2)), [3, 4])
    },
  },
  {
    promise: 'live',
    rule: 'store/checkpoint',
    name: 'a checkpoint also moves over events that a filter left out',
    shards: 'one',
    run: async ({ store }) => {
      await store.append('Order-1', [numbered(1, 'Placed'), ...numberedFrom(2, 10)])
      const head = await headOf(store)
      const filter = { types: ['Placed'] }
      await within('the subscription to catch up', async () => {
        for await (const item of store.subscribe({ filter, checkpoint: 'mails', marks: true })) {
          if (item.kind === 'caught_up' && item.position === head)
            await store.append('Order-1', [numbered(12, 'Placed')])
          if (item.kind === 'event' && item.event.position > head) return
        }
      })
      await savedAt(store, 'mails', head)
    },
  },
  {
    promise: 'live',
    rule: 'store/checkpoints',
    name: 'named positions are saved, loaded and guarded by their versions',
    run: async ({ store: { checkpoints } }) => {
      assert.equal(await checkpoints.load('mails'), undefined)
      assert.equal(await checkpoints.save('mails', 7, { expectedVersion: 0 }), 1)
      assert.deepEqual(await checkpoints.load('mails'), { position: 7, version: 1 })
      await assert.rejects(checkpoints.save('mails', 8, { expectedVersion: 0 }), { code: 'CHECKPOINT_CONFLICT' })
      for (const expectedVersion of [-1, 0.5, '1' as unknown as number]) {
        await assert.rejects(checkpoints.save('mails', 8, { expectedVersion }), { code: 'INVALID_ARGUMENT' })
      }
      assert.equal(await checkpoints.save('mails', 8), 2)
      assert.deepEqual(await checkpoints.load('mails'), { position: 8, version: 2 })
      assert.equal(await checkpoints.load('Mails'), undefined)
    },
  },
  {
    promise: 'durable',
    rule: 'store/reopen',
    name: 'events, streams and checkpoints are there after closing and opening again',
    needs: ['durable'],
    run: async ({ store, reopen }) => {
      await store.append('Order-1', numberedFrom(1, 3))
      await store.truncateBefore('Order-1', 2)
      await store.checkpoints.save('mails', 2)
      const before = await logIds(store)
      const reopened = await reopen()
      assert.deepEqual(await logIds(reopened), before)
      assert.deepEqual(numbersOf(await reopened.readStream('Order-1').toArray()), [2, 3])
      assert.deepEqual(await reopened.checkpoints.load('mails'), { position: 2, version: 1 })
      assert.equal((await reopened.append('Order-1', [numbered(4)], { expectedVersion: 3 })).version, 4)
    },
  },
]

async function nextEvent(items: AsyncIterator<SubscriptionItem>): Promise<RecordedEvent> {
  for (;;) {
    const { value, done } = await items.next()
    assert.ok(!done, 'the subscription goes on')
    if (value.kind === 'event') return value.event
  }
}

async function drain(events: AsyncIterable<unknown>, each: () => void): Promise<void> {
  for await (const _ of events) each()
}

/** Waits until a checkpoint stands at a position: leaving a loop does not wait for it everywhere. */
async function savedAt(store: EventStore, name: string, position: number): Promise<void> {
  await within(`checkpoint ${name} to stand at ${position}`, async () => {
    while ((await store.checkpoints.load(name))?.position !== position) await new Promise(setImmediate)
  })
}
