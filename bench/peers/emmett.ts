import { CommandHandler, type Event } from '@event-driven-io/emmett'
import { getPostgreSQLEventStore, type PostgresEventStore } from '@event-driven-io/emmett-postgresql'
import type { Pool } from 'pg'
import { payloadOf, typeOf } from '../load/events.ts'
import { type OpenPeer, openPool, pageEvents } from './peer.ts'

/** The events that all peers append. */
export type Ordered = Event<string, Record<string, unknown>>

/** Emmett's command handler, with the retries it has when told to retry conflicts. */
const handleCount = CommandHandler<number, Ordered>({
  initialState: () => 0,
  evolve: (count) => count + 1,
  retry: { onVersionConflict: true },
})

/** Emmett's PostgreSQL store on a pool, with its tables made. */
export async function emmettStore(url: string, pool: Pool): Promise<PostgresEventStore> {
  const store = getPostgreSQLEventStore(url, { connectionOptions: { pooled: true, pool } })
  await store.schema.migrate()
  return store
}

/** Emmett's PostgreSQL store, with the expected version on every append. */
export const openEmmett: OpenPeer = async (url) => {
  const pool = openPool(url)
  const store = await emmettStore(url, pool)
  const consumers: { close(): Promise<void> }[] = []
  const append = (streamId: string, events: Ordered[], version: bigint | 'STREAM_DOES_NOT_EXIST') =>
    store.appendToStream(streamId, events, { expectedStreamVersion: version })
  const eventOf = (streamId: string, version: number, nth: number): Ordered => ({
    type: typeOf(streamId, version),
    data: { ...payloadOf(nth) },
  })
  return {
    appendOne: (streamId, version, nth) =>
      append(streamId, [eventOf(streamId, version, nth)], version === 0 ? 'STREAM_DOES_NOT_EXIST' : BigInt(version)),
    appendMany: (streamId, events, nth) =>
      append(
        streamId,
        Array.from({ length: events }, (_, place) => eventOf(streamId, place, nth + place)),
        'STREAM_DOES_NOT_EXIST',
      ),
    command: async (streamId, nth) => {
      const { events, currentStreamVersion } = await store.readStream<Ordered>(streamId)
      let total = 0
      for (const { data } of events) total += data.total_cents as number
      if (total === 0) throw new Error(`${streamId} is empty`)
      await append(streamId, [eventOf(streamId, events.length, nth)], currentStreamVersion)
    },
    execute: (streamId, nth, decides) =>
      handleCount(store, streamId, () => {
        decides()
        return { type: 'Counted', data: { nth } }
      }),
    readStream: async (streamId) => (await store.readStream(streamId)).events.length,
    catchUp: () => catchUp(store),
    follow: async (seen) => {
      const consumer = store.consumer()
      consumers.push(consumer)
      consumer.reactor({
        processorId: `follow-${consumers.length}`,
        startFrom: 'BEGINNING',
        eachMessage: ({ metadata }) => {
          const { streamName, streamPosition } = metadata as { streamName: string; streamPosition: bigint }
          seen(streamName, Number(streamPosition))
        },
      })
      void consumer.start()
    },
    close: async () => {
      for (const consumer of consumers) await consumer.close()
      await store.close()
      await pool.end().catch(() => undefined)
    },
  }
}

async function* catchUp(store: PostgresEventStore): AsyncGenerator<number> {
  let events = 0
  let arrived = (): void => undefined
  let ended = false
  const consumer = store.consumer({ stopWhen: { noMessagesLeft: true }, pulling: { batchSize: pageEvents } })
  consumer.reactor({
    processorId: 'catch-up',
    startFrom: 'BEGINNING',
    eachMessage: () => {
      if (++events % 100 === 0) arrived()
    },
  })
  const reading = consumer.start().finally(() => {
    ended = true
    arrived()
  })
  try {
    while (!ended) {
      await new Promise<void>((resolve) => {
        arrived = resolve
      })
      yield events
    }
    await reading
  } finally {
    // It may have been left early.
    await consumer.close()
  }
}
