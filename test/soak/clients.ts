/**
 * Official clients in a process of their own: each with some subscriptions, of which every stream has to come complete and
 * in order. Once a second one of them goes away in the middle of everything, and another one comes in its place.
 */
import { setTimeout as pause } from 'node:timers/promises'
import { jsonEvent, KurrentDBClient, START, streamNameFilter } from '@kurrent/kurrentdb-client'

/** What the clients of one process do. */
export interface SoakOrder {
  readonly host: string
  readonly connections: number
  readonly subscriptions: number
  /** A name for the streams that only this process writes. */
  readonly name: string
}

const order = JSON.parse(process.argv[2] ?? '') as SoakOrder
const streams = Array.from({ length: 10 }, (_, nth) => `${order.name}-${nth}`)

let opened = 0

/** Channels of one process share a connection where all of their options are the same. */
function connected(): KurrentDBClient {
  const apart = `keepAliveInterval=${60_000 + ++opened}`
  const client = KurrentDBClient.connectionString`${`kurrentdb://${order.host}?tls=false&${apart}`}`
  for (let nth = 0; nth < order.subscriptions; nth++) void follow(client, nth)
  return client
}

/** Follows one stream, all streams of this process, or their category. */
async function follow(client: KurrentDBClient, nth: number): Promise<void> {
  const stream = streams[nth % streams.length] ?? ''
  const events =
    nth % 3 === 0
      ? client.subscribeToStream(stream, { fromRevision: START })
      : nth % 3 === 1
        ? client.subscribeToAll({ filter: streamNameFilter({ prefixes: [`${order.name}-`] }) })
        : client.subscribeToStream(`$ce-${order.name}`, { resolveLinkTos: true })
  const seen = new Map<string, bigint>()
  try {
    for await (const { event } of events) {
      if (event === undefined) continue
      const expected = (seen.get(event.streamId) ?? -1n) + 1n
      if (event.revision !== expected) {
        process.send?.({ problem: `${event.streamId} came with ${event.revision} instead of ${expected}` })
      }
      seen.set(event.streamId, event.revision)
    }
  } catch {
    // Its client went away.
  }
}

async function write(): Promise<never> {
  const client = KurrentDBClient.connectionString`${`kurrentdb://${order.host}?tls=false`}`
  for (let nth = 0; ; nth++) {
    const stream = streams[nth % streams.length] ?? ''
    await client.appendToStream(stream, jsonEvent({ type: 'Soaked', data: { nth, filling: 'x'.repeat(300) } }))
    await pause(50)
  }
}

const clients = Array.from({ length: order.connections }, connected)
void write()
process.send?.({ begun: true })
for (;;) {
  await pause(1_000)
  await clients.shift()?.dispose()
  clients.push(connected())
}
