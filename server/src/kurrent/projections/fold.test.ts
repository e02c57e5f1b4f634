import { randomUUID } from 'node:crypto'
import { EngineUnavailable, type EventStore, memory, openStore, type RecordedEvent, systemClock } from 'varve'
import { afterEach, expect, it } from 'vitest'
import { Overtaken } from './fault.ts'
import { Fold } from './fold.ts'
import type { PackedEvent } from './isolate/exchange.ts'
import type { Registered } from './registry.ts'

const emitting = `fromAll().when({ $init: () => ({ n: 0 }), A(s) { s.n++; emit('out', 'Count', { n: s.n }) } })`
const keyed = `fromAll().partitionBy((e) => e.body.key).when({ $init: () => ({ n: 0 }), A(s) { s.n++ } })`

it('of two that go on from one checkpoint only one writes, and what it writes is there once', async () => {
  const store = openStore({ engine: memory() })
  const [one, other] = [await folding(store, emitting), await folding(store, emitting)]
  await one.take([event(1), event(2)])
  await other.take([event(1), event(2), event(3)])
  await one.save()
  await expect(other.save()).rejects.toThrow(Overtaken)
  expect(await counted(store)).toEqual([1, 2])
  const next = await folding(store, emitting)
  expect(next.saved).toBe(2)
  await next.take([event(3)])
  await next.save()
  expect(await counted(store)).toEqual([1, 2, 3])
})

it('writes once what it sends again because the answer was lost', async () => {
  const inner = openStore({ engine: memory() })
  let losses = 2
  const store: EventStore = {
    ...inner,
    appendAll: async (...given) => {
      const appended = await inner.appendAll(...given)
      if (losses-- > 0) throw new EngineUnavailable('memory', 'the answer is lost')
      return appended
    },
  }
  const fold = await folding(store, emitting)
  await fold.take([event(1)])
  await fold.save()
  await fold.take([event(2)])
  await fold.save()
  expect(await counted(inner)).toEqual([1, 2])
})

it('lets states count only with the checkpoint that they were written for', async () => {
  const inner = openStore({ engine: memory() })
  const events = Array.from({ length: 1_000 }, (_, at) => event(at + 1, `key-${at}`))
  const broken: EventStore = {
    ...inner,
    appendAll: (writes, options) =>
      writes.some(({ events: given }) => given.some(({ type }) => type === '$ProjectionCheckpoint'))
        ? Promise.reject(new Error('killed'))
        : inner.appendAll(writes, options),
  }
  const killed = await folding(broken, keyed)
  await takeAll(killed, events)
  await expect(killed.save()).rejects.toThrow('killed')
  expect((await inner.streams({ prefix: '$projection-state-' }).toArray()).length).toBe(1_000)

  const next = await folding(inner, keyed)
  expect([next.saved, await next.stateOf('key-7')]).toEqual([0, undefined])
  await takeAll(next, events.slice(0, 10))
  await next.save()
  await takeAll(next, [event(1_001, 'key-7')])
  await next.save()
  const last = await folding(inner, keyed)
  expect([await last.stateOf('key-7'), await last.stateOf('key-700')]).toEqual(['{"n":2}', undefined])
})

it('shows what is emitted after a reset instead of what was before, under ids of its own', async () => {
  const store = openStore({ engine: memory() })
  for (const epoch of [0, 1]) {
    const fold = await folding(store, emitting, { epoch })
    for (const at of [1, 2]) {
      await fold.take([event(at)])
      await fold.save()
    }
  }
  expect(await counted(store)).toEqual([1, 2])
  const all = await store.readAll({ filter: { types: ['Count'] } }).toArray()
  expect(all.map(({ version }) => version)).toEqual([1, 2, 3, 4])
})

it('hides after a reset nothing that others have written, or that it has written since', async () => {
  const store = openStore({ engine: memory() })
  const first = await folding(store, emitting)
  await first.take([event(1)])
  await first.save()
  await store.append('out', [{ type: 'Own', data: { n: 0 } }])
  for (const at of [1, 2]) {
    const fold = await folding(store, emitting, { epoch: 1 })
    await fold.take([event(at)])
    await fold.save()
  }
  expect(await counted(store)).toEqual([1, 0, 1, 2])
})

it('keeps a state that is null, and the state that partitions share', async () => {
  const store = openStore({ engine: memory() })
  const shared = `fromAll().partitionBy((e) => e.body.key).when({ $initShared: () => ({ all: 0 }),
    A(s) { s[1].all++; return [null, s[1]] } })`
  const first = await folding(store, shared)
  await takeAll(first, [event(1, 'a'), event(2, 'b')])
  await first.save()
  const second = await folding(store, shared)
  await takeAll(second, [event(3, 'a')])
  await second.save()
  const checkpoint = (await store.readStream('$projections-p-checkpoint').last()) as RecordedEvent
  expect([checkpoint.data, await second.stateOf('a')]).toEqual([{ shared: { all: 3 } }, 'null'])
})

const open: Fold[] = []
afterEach(async () => {
  for (const fold of open.splice(0)) await fold[Symbol.asyncDispose]()
})

async function folding(store: EventStore, query: string, more: Partial<Registered> = {}): Promise<Fold> {
  const registered: Registered = {
    name: 'p',
    id: '0198c6e2-5b1a-7c3e-8f00-3d1f2a4b5c6d',
    mode: 'continuous',
    query,
    emitEnabled: true,
    trackEmitted: false,
    engineVersion: 1,
    epoch: 0,
    version: 1,
    wanted: 'running',
    fault: null,
    completed: false,
    ...more,
  }
  const limits = { eventMs: 10_000, memoryMib: 64, emits: 10, stateBytes: 1_000, running: 1 }
  const fold = await Fold.open({
    store,
    clock: systemClock,
    newId: randomUUID,
    limits,
    registered,
    logged: () => undefined,
  })
  open.push(fold)
  return fold
}

async function takeAll(fold: Fold, events: readonly PackedEvent[]): Promise<void> {
  for (let rest = events; rest.length > 0; ) rest = rest.slice(await fold.take(rest))
}

function event(position: number, key = ''): PackedEvent {
  return [
    position,
    '',
    'in',
    'A',
    position - 1,
    randomUUID(),
    true,
    '',
    JSON.stringify({ key }),
    '{}',
    null,
    null,
    null,
  ]
}

async function counted(store: EventStore): Promise<unknown[]> {
  return (await store.readStream('out').toArray()).map(({ data }) => (data as { n: number }).n)
}
