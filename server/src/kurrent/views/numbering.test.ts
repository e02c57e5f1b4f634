import { type Engine, memory, openStore, type ReadAllOptions } from 'varve'
import { expect, it } from 'vitest'
import { readDownwards, readUpwards } from './numbered-events.ts'
import { Numbering } from './numbering.ts'
import { type View, viewOf } from './view.ts'

const { signal } = new AbortController()

it('gives each event of a view the number it has, from wherever one begins', async () => {
  const { store, view } = await filled(3_000)
  const head = await store.head()
  const numbering = new Numbering(store)
  for (const from of [0, 1, 255, 256, 257, 1_000, 1_499, 1_500, 9_999]) {
    const read = readUpwards({ store, numbering, view, from, head, signal })
    const { value, done } = await read.next()
    if (from >= 1_500) expect([done, value]).toEqual([true, 1_500])
    else expect(value).toMatchObject({ number: from, event: { position: from * 2 + 1 } })
    await read.return(0)
    const back = await readDownwards({ store, numbering, view, from, head, signal }).next()
    expect(back.value).toMatchObject({ number: Math.min(from, 1_499) })
  }
})

it('knows nothing of what lies behind the head that it is given', async () => {
  const { store, view } = await filled(1_000)
  const numbering = new Numbering(store)
  await numbering.markFor(view, Number.POSITIVE_INFINITY, 1_000, signal)
  const entries: number[] = []
  for await (const { number } of readUpwards({ store, numbering, view, from: 0, head: 601, signal }))
    entries.push(number)
  expect(entries).toHaveLength(301)
  const last = await readDownwards({ store, numbering, view, from: Number.POSITIVE_INFINITY, head: 601, signal }).next()
  expect(last.value).toMatchObject({ number: 300 })
})

it('counts once, also for many who ask at once, and goes on where it ended', async () => {
  const { store, view, counted } = await filled(2_000)
  const numbering = new Numbering(store)
  await Promise.all(Array.from({ length: 5 }, () => numbering.markFor(view, Number.POSITIVE_INFINITY, 2_000, signal)))
  expect(counted()).toEqual([1])
  await store.append('Order-1', [{ type: 'Placed', data: {} }])
  await numbering.markFor(view, Number.POSITIVE_INFINITY, 2_001, signal)
  expect(counted()).toEqual([1, 2_001])
})

it('keeps what it counted, for the server that starts next', async () => {
  const { store, view, counted } = await filled(40_000)
  await new Numbering(store).markFor(view, Number.POSITIVE_INFINITY, 40_000, signal)
  const mark = await new Numbering(store).markFor(view, 15_000, 40_000, signal)
  expect(counted()).toEqual([1])
  expect(mark).toEqual({ number: 14_848, position: 14_848 * 2 + 1 })
})

it('counts anew when what was kept makes no sense', async () => {
  const { store, view } = await filled(40_000)
  await new Numbering(store).markFor(view, Number.POSITIVE_INFINITY, 40_000, signal)
  for await (const { key } of store.shelf.list()) await store.shelf.put(key, { stride: 'x', marks: [1] })
  const mark = await new Numbering(store).markFor(view, 15_000, 40_000, signal)
  expect(mark).toEqual({ number: 14_848, position: 14_848 * 2 + 1 })
})

it('has marks for any number of events in bounded room', async () => {
  const { store, view } = await filled(10)
  const many = openStore({ engine: { ...memory(), read: manyEvents(5_000_000) } as Engine })
  const mark = await new Numbering(many).markFor(view, Number.POSITIVE_INFINITY, 5_000_000, signal)
  expect(mark.number).toBeGreaterThan(4_990_000)
  expect(mark.position).toBe(mark.number + 1)
  for await (const { value } of many.shelf.list()) expect(JSON.stringify(value).length).toBeLessThan(100_000)
  await store.close()
})

/** Events of which every other one is of the category. */
async function filled(count: number) {
  const inner = openStore({ engine: memory() })
  for (let from = 0; from < count; from += 1_000) {
    const streams = Array.from({ length: Math.min(1_000, count - from) }, (_, at) =>
      at % 2 ? 'Customer-1' : 'Order-1',
    )
    await Promise.all(streams.map((stream) => inner.append(stream, [{ type: 'Placed', data: {} }])))
  }
  const reads: number[] = []
  const store = {
    ...inner,
    readAll: (options: ReadAllOptions = {}) => {
      reads.push(options.from ?? 1)
      return inner.readAll(options)
    },
  }
  return { store, view: viewOf('$ce-Order') as View, counted: () => reads }
}

/** An engine's read of so many events of the category, none of which is anywhere. */
function manyEvents(count: number): Engine['read'] {
  return async ({ from, limit }) => {
    const last = Math.min(from + limit - 1, count)
    const events = Array.from({ length: Math.max(last - from + 1, 0) }, (_, at) => ({
      id: '0198c6e2-5b1a-7c3e-8f00-3d1f2a4b5c6d',
      streamId: 'Order-1',
      type: 'Placed',
      version: from + at,
      position: from + at,
      schemaVersion: 1,
      contentType: 'application/json',
      data: '{}',
      metadataContentType: 'application/json',
      metadata: '{}',
      tags: [],
      recordedAtMs: 0,
    }))
    return { events, next: last + 1, end: last === count, head: count }
  }
}
