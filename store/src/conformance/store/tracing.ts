import assert from 'node:assert/strict'
import type { EventStore } from '../../event-store.ts'
import type { RecordedEvent } from '../../model/event.ts'
import type { TracedEvent } from '../../model/trace.ts'
import { causedBy, correlate } from '../../streams/causation.ts'
import type { StoreCase } from '../case.ts'
import { numbered, numberedFrom } from './public.ts'

/** What belongs together, found by correlation and event id. */
export const tracingCases: readonly StoreCase[] = [
  {
    promise: 'reads',
    rule: 'store/trace',
    name: 'a trace shows what a request led to across streams, as a tree of causes, and nothing else',
    run: async ({ store }) => {
      const placed = await appended(store, 'Order-1', 'req-1')
      const [paid, packed] = [await effect(store, 'Payment-1', placed), await effect(store, 'Parcel-1', placed)]
      const sent = await effect(store, 'Parcel-1', packed)
      await appended(store, 'Order-2', 'req-2')
      await store.append('Order-3', [numbered(1)])
      const { correlationId, roots, events, complete } = await store.trace('req-1')
      assert.deepEqual(roots.map(shape), [
        [
          placed.id,
          [
            [paid.id, []],
            [packed.id, [[sent.id, []]]],
          ],
        ],
      ])
      assert.deepEqual([correlationId, events.length, complete], ['req-1', 4, true])
      assert.deepEqual((await store.trace('req-9')).roots, [])
    },
  },
  {
    promise: 'reads',
    rule: 'store/trace',
    name: 'a trace by the id of the event that began it has that event as its root',
    run: async ({ store }) => {
      const { eventIds } = await store.append('Order-1', [numbered(1)])
      const root = await found(store, eventIds[0])
      const child = await effect(store, 'Payment-1', root)
      for (const id of [root.id, root.id.toUpperCase()]) {
        const { roots } = await store.trace(id)
        if (id === root.id) assert.deepEqual(roots.map(shape), [[root.id, [[child.id, []]]]])
        else assert.deepEqual(roots.map(shape), [[root.id, []]])
      }
    },
  },
  {
    promise: 'reads',
    rule: 'store/trace-odd',
    name: 'claims of causes that are later, elsewhere or circular make roots, and long ids are told apart',
    run: async ({ store }) => {
      const [later, own] = ['0198c6e2-0000-7000-8000-000000000001', '0198c6e2-0000-7000-8000-000000000002']
      const long = `${'流'.repeat(400)}-a`
      const claim = (causationId: string, id?: string, correlationId = 'req-1') =>
        store.append('Order-1', [{ ...numbered(1), ...(id && { id }), metadata: { correlationId, causationId } }])
      await claim(later)
      await claim(own, own)
      await claim('not a uuid', later)
      await claim(later, undefined, long)
      const { roots } = await store.trace('req-1')
      assert.deepEqual(
        roots.map(({ effects }) => effects.length),
        [0, 0, 0],
      )
      assert.deepEqual([(await store.trace(long)).events.length, (await store.trace(`${long}b`)).events.length], [1, 0])
    },
  },
  {
    promise: 'bounded',
    rule: 'store/trace-bounded',
    name: 'a trace shows as many events as asked for and says that there are more',
    run: async ({ store }) => {
      await correlate({ correlationId: 'req-1' }, () => store.append('Order-1', numberedFrom(1, 5)))
      for (const [limit, shown] of [
        [4, 4],
        [5, 5],
        [0, 0],
      ] as const) {
        const { events, complete } = await store.trace('req-1', { limit })
        assert.deepEqual([events.length, complete], [shown, limit >= 5])
      }
      await assert.rejects(store.trace(''), { code: 'INVALID_ARGUMENT', argument: 'correlationId' })
      await assert.rejects(store.trace('req-1', { limit: -1 }), { code: 'INVALID_ARGUMENT', argument: 'limit' })
    },
  },
  {
    promise: 'reads',
    rule: 'store/trace-tags',
    name: 'what finds a correlation id never shows as a tag of an event, and may not be given as one',
    run: async ({ store }) => {
      const metadata = { correlationId: 'req-1' }
      await store.append('Order-1', [
        { ...numbered(1), metadata, tags: ['a'] },
        { ...numbered(2), metadata },
      ])
      assert.deepEqual(
        (await store.readAll().toArray()).map(({ tags }) => tags),
        [['a'], []],
      )
      const taken = store.append('Order-1', [{ ...numbered(3), tags: ['$correlation:req-1'] }])
      await assert.rejects(taken, { code: 'INVALID_ARGUMENT', argument: 'events[0].tags[0]' })
    },
  },
  {
    promise: 'reads',
    rule: 'store/read-event',
    name: 'an event is read by its id, in either case of its letters, also when its stream hides it',
    run: async ({ store }) => {
      const { eventIds } = await store.append('Order-1', [numbered(1)])
      await store.deleteStream('Order-1')
      const id = String(eventIds[0])
      for (const given of [id, id.toUpperCase()]) {
        const event = await store.readEvent(given)
        assert.deepEqual([event?.id, event?.data, event?.version], [id, { n: 1 }, 1])
      }
      assert.equal(await store.readEvent('0198c6e2-0000-7000-8000-000000000001'), undefined)
      await assert.rejects(store.readEvent('Order-1'), { code: 'INVALID_ARGUMENT', argument: 'eventId' })
    },
  },
]

type Shape = readonly [id: string, effects: readonly Shape[]]

function shape({ event, effects }: TracedEvent): Shape {
  return [event.id, effects.map(shape)]
}

async function appended(store: EventStore, streamId: string, correlationId: string): Promise<RecordedEvent> {
  const { eventIds } = await store.append(streamId, [{ ...numbered(1), metadata: { correlationId } }])
  return found(store, eventIds[0])
}

async function effect(store: EventStore, streamId: string, cause: RecordedEvent): Promise<RecordedEvent> {
  const { eventIds } = await causedBy(cause, () => store.append(streamId, [numbered(1)]))
  return found(store, eventIds[0])
}

async function found(store: EventStore, eventId: string | undefined): Promise<RecordedEvent> {
  const event = await store.readEvent(String(eventId))
  assert.ok(event)
  return event
}
