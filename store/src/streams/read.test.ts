import { deepEqual, equal, ok, rejects } from 'node:assert/strict'
import { it } from 'vitest'
import type { ReadQuery } from '../engine/engine.ts'
import type { PageSource } from '../engine/read-ahead.ts'
import { systemClock } from '../engine/system-clock.ts'
import { memory } from '../engines/memory/index.ts'
import { limits } from '../model/limits.ts'
import { openStore } from '../open-store.ts'
import { readAll, readStream } from './read.ts'

/** Three events, and an engine that looks at one place in each call, while two more events come in. */
async function outrun(): Promise<{ pages: PageSource; reads: () => number }> {
  const engine = memory()
  const store = openStore({ engine })
  const write = (count: number) => store.append('Order-1', Array(count).fill({ type: 'Placed', data: {} }))
  await write(3)
  let reads = 0
  const read = async (query: ReadQuery) => {
    // Ends all the same when the reader does not, so that the test says how far it went.
    if (++reads > 20) return engine.read({ ...query, from: 1_000 })
    const page = await engine.read({ ...query, limit: 1 })
    await write(2)
    return { ...page, next: query.from + 1, end: query.from > page.head }
  }
  return { pages: { engine: { ...engine, read }, clock: systemClock }, reads: () => reads }
}

it('ends a filtered read at the head it began with, although nothing matches and the log grows faster', async () => {
  const { pages, reads } = await outrun()
  deepEqual(await readAll(pages, { filter: { types: ['Nothing'] } }).toArray(), [])
  equal(reads(), 3)
})

it('ends a read of a stream at the version it began with, although the stream grows faster', async () => {
  const { pages, reads } = await outrun()
  const events = await readStream(pages, 'Order-1').toArray()
  deepEqual(
    events.map(({ version }) => version),
    [1, 2, 3],
  )
  equal(reads(), 3)
})

it('finds an event by the correlation id that it shows, under whichever of its two names that was given last', async () => {
  const store = openStore({ engine: memory() })
  for (const metadata of [
    { correlationId: 'a', correlation_id: 'b' },
    { correlation_id: 'a', correlationId: 'b' },
  ]) {
    const { eventIds } = await store.append('Order-1', [{ type: 'Placed', data: {}, metadata }])
    const found = (await store.trace('b')).events.filter(({ id }) => eventIds.includes(id))
    deepEqual(
      found.map((event) => event.metadata.correlationId),
      ['b'],
    )
  }
})

it('ends a trace with the event that passes its bytes, and says that there is more', async () => {
  const store = openStore({ engine: memory() })
  const page = { type: 'PageScanned', data: 'x'.repeat(1_000_000), metadata: { correlationId: 'scan-1' } }
  for (const part of [1, 2, 3, 4, 5]) await store.append(`Scan-${part}`, Array(15).fill(page))
  const { events, complete } = await store.trace('scan-1')
  deepEqual([events.length, complete], [Math.ceil(limits.traceBytes / 1_000_000), false])
})

it('ends with the reason of its signal at the next event, not at the next page', async () => {
  const store = openStore({ engine: memory({ logShards: 2 }) })
  for (const id of ['a', 'b', 'c']) await store.append(`Order-${id}`, Array(3).fill({ type: 'Placed', data: {} }))
  const stopped = async (read: (signal: AbortSignal) => AsyncIterable<unknown>): Promise<void> => {
    const stop = new AbortController()
    for await (const _ of read(stop.signal)) {
      ok(!stop.signal.aborted)
      stop.abort(new Error('enough'))
    }
  }
  await rejects(
    stopped((signal) => store.readAll({ signal })),
    /enough/,
  )
  await rejects(
    stopped((signal) => store.readStream('Order-a', { signal })),
    /enough/,
  )
})
