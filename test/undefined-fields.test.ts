/** A field that is given as undefined is as good as one that is left out, for the compiler and at run time. */
import { deepEqual, equal, ok } from 'node:assert/strict'
import { describe, it } from 'vitest'
import {
  correlate,
  defineDecider,
  defineEvents,
  defineProjection,
  event,
  execute,
  memory,
  memoryTarget,
  openStore,
  project,
  type RecordedEvent,
  runProjections,
  waitForProjection,
} from '../store/src/index.ts'
import { recordedSpans } from './recorded-spans.ts'

/** Options of a call whose caller has them or not. */
const none = { signal: undefined }
const events = defineEvents({ T: event<number>() })
const good = { type: 'T', data: 1 } as const

function opened() {
  return openStore({ engine: memory({ logShards: undefined }), clock: undefined, newId: undefined, tracer: undefined })
}

describe('a field that is undefined', () => {
  const spans = recordedSpans()

  it('of an append and of its events has its default', async () => {
    await using store = opened()
    const given = { ...good, id: undefined, metadata: undefined, tags: undefined, schemaVersion: undefined }
    const rest = { contentType: undefined, metadataContentType: undefined, timestamp: undefined }
    const options = { ...none, expectedVersion: undefined, condition: undefined, idempotencyKey: undefined }
    await store.append('Some-1', [{ ...given, ...rest }], options)
    await store.appendAll([{ streamId: 'Some-1', events: [good], expectedVersion: undefined }], { ...none })
    const condition = { failIfMatch: { types: ['Other'], tags: undefined, streamPrefix: undefined }, after: undefined }
    await store.append('Some-1', [good], { condition })
    const [first] = await store.readStream('Some-1').toArray()
    deepEqual([first?.tags, first?.schemaVersion, first?.contentType], [[], 1, 'application/json'])
    equal(await store.head(none), 3)
  })

  it('of a read or a subscription has its default', async () => {
    await using store = opened()
    await store.append('Some-1', [good, good])
    const range = { ...none, from: undefined, limit: undefined, direction: undefined }
    equal((await store.readStream('Some-1', range).toArray()).length, 2)
    equal(
      (await store.readAll({ ...range, shard: undefined, after: undefined, filter: undefined }).toArray()).length,
      2,
    )
    const typed = store.category('Some', events, { undefinedEvents: undefined, validateOnRead: undefined })
    equal((await typed.readAll({ ...range, types: undefined, tags: undefined }).toArray()).length, 2)
    const following = { ...none, from: undefined, filter: undefined, stream: undefined, checkpoint: undefined }
    for await (const { position } of store.subscribe({ ...following, marks: undefined })) {
      equal(position, 1)
      break
    }
  })

  it('of metadata takes the place of no id that is in force', async () => {
    await using store = opened()
    const metadata = { correlationId: undefined, userId: undefined, timestamp: undefined, mine: 1 }
    await correlate({ correlationId: 'c', userId: 'u' }, () =>
      correlate({ correlationId: undefined, causationId: 'e', userId: undefined }, () =>
        store.append('Some-1', [{ ...good, metadata }]),
      ),
    )
    const [recorded] = await store.readAll().toArray()
    const { correlationId, causationId, userId, mine } = (recorded as RecordedEvent).metadata
    deepEqual([correlationId, causationId, userId, mine], ['c', 'e', 'u', 1])
  })

  it('of the metadata of an event takes the place of nothing that its command has', async () => {
    await using store = opened()
    const decider = defineDecider({
      events,
      initialState: () => 0,
      evolve: (state) => state,
      decide: (_: string) => ({ ...good, metadata: { userId: undefined } }),
      snapshot: undefined,
    })
    const options = {
      ...none,
      metadata: { userId: 'u' },
      commandId: undefined,
      attemptsMax: undefined,
      recent: undefined,
    }
    await execute(store, { decider, streamId: 'Some-1', command: 'do' }, options)
    equal((await store.readAll().first())?.metadata.userId, 'u')
  })

  it('leaves a projection the tracer of its store, and a wait its clock', async () => {
    await using store = openStore({ engine: memory(), tracer: spans.tracer })
    const target = memoryTarget(() => new Map<string, number>(), { copy: undefined, entries: undefined })
    const projection = defineProjection({
      name: 'some',
      version: undefined,
      events,
      target,
      on: { T: () => undefined },
    })
    const { position } = await store.append('Some-1', [good])
    await using running = project(store, projection, { ...none, tracer: undefined })
    await running.waitFor(position, none)
    await using instance = runProjections(store, [projection], { ...none, tracer: undefined, leaseMs: undefined })
    await instance.waitFor('some', position, { ...none, timeoutMs: undefined })
    await waitForProjection(store, 'some', position, { ...none, timeoutMs: undefined, clock: undefined })
    ok(spans.spans().some(({ attributes }) => attributes['varve.projection'] === 'some'))
  })
})
