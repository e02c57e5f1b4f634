import type { Capabilities } from '../../engine/capabilities.ts'
import type { Clock } from '../../engine/clock.ts'
import type { Engine, Page } from '../../engine/engine.ts'
import { createAppendCalls } from './append.ts'
import { appendWithin, callersConnection } from './append-within.ts'
import { createCalls } from './call.ts'
import { type ConnectionParts, createConnection } from './connection.ts'
import { asText, type Row } from './driver.ts'
import { createGathering } from './gather.ts'
import { quotedSchema } from './migrate.ts'
import { createReads } from './read.ts'
import { createShelf } from './shelf.ts'
import type { StreamRead } from './streams-together.ts'
import { createTurns } from './turns.ts'
import { createWake } from './wake.ts'

/** Everything that may be set; `postgres` fills in the defaults. */
export interface EngineParts extends ConnectionParts {
  readonly prepare: boolean
  readonly listen: boolean
  readonly clock: Clock
}

const capabilities: Capabilities = {
  engine: 'postgres',
  gaplessPositions: true,
  appendConditions: true,
  multiStreamAppends: true,
  durable: true,
  sharedStorage: true,
  callerTransactions: true,
  batchesInFlight: 2,
  readsOverNetwork: true,
  logShards: 1,
}

/** Binds the verbs of the port to one schema of a database. */
export function openEngine(parts: EngineParts): Engine {
  const { clock, prepare } = parts
  const schema = quotedSchema(parts.schema)
  const connection = createConnection(parts)
  const appendCall = createAppendCalls(schema, prepare)
  const reads = createReads(schema, prepare)
  const wake = createWake({
    openPool: connection.open,
    channel: `varve_${parts.schema}`,
    clock,
    listens: parts.listen && connection.canListen,
  })
  const { call, callOn, tracked, retried, once, close: closeCalls } = createCalls(clock, connection)
  const readStream = createGathering<StreamRead, Page>(clock, {
    one: ({ query }) => retried((client) => reads.read(client, query)),
    many: (asked) => once((client) => reads.readTogether(client, asked)),
    most: reads.mostTogether,
  })
  const takeTurns = createTurns()

  let closed: Promise<void> | undefined

  async function close(): Promise<void> {
    await closeCalls()
    await wake.close()
    await connection.close()
  }

  return {
    capabilities,
    append: async (batch, signal) => {
      if (batch.length === 0) return call(signal, async () => [])
      // Encoded once, at once: a caller may reuse its buffers, and a repeat after a lost answer is the same call.
      const { first, again, answer } = appendCall(batch)
      let isRepeat = false
      const { outcomes, listened } = await takeTurns(batch, () =>
        call(signal, async (client) => {
          const query = isRepeat ? again() : first
          isRepeat = true
          const { rows } = await client.query({ ...query, rowMode: 'array', types: asText })
          return answer(rows[0] as Row)
        }),
      )
      // A repeat may be the echo of a commit whose answer got lost, and of which nobody was told.
      if (outcomes.some((outcome) => 'firstPosition' in outcome)) wake.notify(listened)
      return outcomes
    },
    appendWithin: async (client, request, signal) => {
      const connected = callersConnection(client)
      return callOn(connected, signal, () => appendWithin(connected, schema, request))
    },
    read: (query, signal) => {
      const { source, direction } = query
      if (!('streamId' in source) || direction === 'backward')
        return call(signal, (client) => reads.read(client, query))
      return tracked(signal, () => readStream({ query, streamId: source.streamId }))
    },
    find: (eventId, signal) => call(signal, (client) => reads.find(client, eventId)),
    head: (signal) => call(signal, (client) => reads.head(client)),
    streams: (query, signal) => call(signal, (client) => reads.streams(client, query)),
    wake: wake.listen,
    shelf: createShelf(schema, call),
    close: () => {
      closed ??= close()
      return closed
    },
  }
}
