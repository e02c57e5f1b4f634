import { type EventStore, fromEnvelope, memory, newEventFrom, openStore } from 'varve'
import { describe, expect, it } from 'vitest'
import type { SourceEvent } from './connect.ts'
import { copiedEvents } from './copied-events.ts'

const number = (revision: number): string => String(revision).padStart(12, '0')

function event(streamId: string, revision: number, given: Partial<SourceEvent> = {}): SourceEvent {
  return {
    id: `00000000-0000-4000-8000-${number(revision)}`,
    streamId,
    type: 'OrderPlaced',
    isJson: true,
    revision: BigInt(revision),
    created: Date.UTC(2020, 0, 15),
    data: Buffer.from('{"a":1}'),
    metadata: new Uint8Array(),
    ...given,
  }
}

async function copyInto(store: EventStore, events: readonly SourceEvent[]): Promise<{ readonly scavenged: number }> {
  const counts = { leftOut: 0, scavenged: 0 }
  const source = (async function* () {
    yield* events
  })()
  for await (const { envelope } of copiedEvents(source, store, counts, new AbortController().signal)) {
    const expectedVersion = envelope.version - 1
    await store.append(envelope.stream_id, [newEventFrom(fromEnvelope(envelope))], { expectedVersion })
  }
  return counts
}

describe('a stream of which events were scavenged', () => {
  it('has something in their place, so that a revision is still a version less one', async () => {
    await using store = openStore({ engine: memory() })
    const counts = await copyInto(store, [event('Order-7', 2), event('Order-7', 4)])
    const events = await store.readStream('Order-7').toArray()
    expect(counts.scavenged).toBe(3)
    expect(events.map(({ type, version }) => [type, version])).toEqual([
      ['$scavenged', 1],
      ['$scavenged', 2],
      ['OrderPlaced', 3],
      ['$scavenged', 4],
      ['OrderPlaced', 5],
    ])
  })

  it('is filled in only once, under the same ids', async () => {
    await using store = openStore({ engine: memory() })
    await using other = openStore({ engine: memory() })
    await copyInto(store, [event('Order-7', 3)])
    await copyInto(other, [event('Order-7', 1)])
    await copyInto(other, [event('Order-7', 3, { id: event('', 9).id })])
    const [first, second] = await Promise.all(
      [store, other].map(async (one) => (await one.readStream('Order-7').toArray()).map(({ id }) => id)),
    )
    expect(second?.[0]).toBe(first?.[0])
    expect(second?.[2]).toBe(first?.[2])
    expect(second).toHaveLength(4)
  })

  it('keeps the last word of its metadata', async () => {
    await using store = openStore({ engine: memory() })
    const rules = event('$$Order-7', 5, { type: '$metadata', data: Buffer.from('{"$tb":2}') })
    await copyInto(store, [event('Order-7', 0), event('Order-7', 3, { id: event('', 9).id }), rules])
    expect(await store.streamInfo('Order-7')).toMatchObject({ version: 4, truncateBefore: 3 })
    expect(await store.streamInfo('$$Order-7')).toMatchObject({ version: 6 })
  })

  it('is deleted up to where it is when it is deleted', async () => {
    await using store = openStore({ engine: memory() })
    const gone = event('$$Order-7', 0, { type: '$metadata', data: Buffer.from('{"$tb":9223372036854775807}') })
    const again = { id: event('', 8).id }
    await copyInto(store, [event('Order-7', 0), { ...gone, id: event('', 9).id }, event('Order-7', 1, again)])
    const shown = await store.readStream('Order-7').toArray()
    expect(shown.map(({ version }) => version)).toEqual([2])
  })
})
