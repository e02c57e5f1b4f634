/**
 * Official clients in a process of their own: each with some subscriptions, of which every stream has to come complete and
 * in order. Once a second one of them goes away in the middle of everything, and another one comes in its place. (All go
 * without a word when the process is killed.)
 */
import { readdirSync, readlinkSync } from 'node:fs'
import { join } from 'node:path'
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

/** A client and what it follows. */
interface Connected {
  readonly client: KurrentDBClient
  readonly subscriptions: readonly Subscription[]
}

/** Channels of one process share a connection where all of their options are the same. */
function connected(): Connected {
  const apart = `keepAliveInterval=${60_000 + ++opened}`
  const client = KurrentDBClient.connectionString`${`kurrentdb://${order.host}?tls=false&${apart}`}`
  const subscriptions = Array.from({ length: order.subscriptions }, (_, nth) => subscribed(client, nth))
  for (const subscription of subscriptions) void follow(subscription)
  return { client, subscriptions }
}

/** The library ends its calls, and keeps the connection: it closes with the process, or after half an hour without a call. */
async function leave({ client, subscriptions }: Connected): Promise<void> {
  await Promise.all(subscriptions.map((subscription) => subscription.unsubscribe()))
  await client.dispose()
}

type Subscription = ReturnType<KurrentDBClient['subscribeToStream'] | KurrentDBClient['subscribeToAll']>

/** Subscribes to one stream, to all streams of this process, or to their category. */
function subscribed(client: KurrentDBClient, nth: number): Subscription {
  const stream = streams[nth % streams.length] ?? ''
  if (nth % 3 === 0) return client.subscribeToStream(stream, { fromRevision: START })
  return nth % 3 === 1
    ? client.subscribeToAll({ filter: streamNameFilter({ prefixes: [`${order.name}-`] }) })
    : client.subscribeToStream(`$ce-${order.name}`, { resolveLinkTos: true })
}

async function follow(events: Subscription): Promise<void> {
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

/** Connections of this process, and the one or two sockets to its parent. */
function sockets(): number {
  const folder = '/proc/self/fd'
  return readdirSync(folder).filter((file) => isSocket(join(folder, file))).length
}

function isSocket(path: string): boolean {
  try {
    return readlinkSync(path).startsWith('socket:')
  } catch {
    return false
  }
}

process.on('message', () => process.send?.({ sockets: sockets() }))

const clients = Array.from({ length: order.connections }, connected)
void write()
process.send?.({ begun: true })
for (;;) {
  await pause(1_000)
  const oldest = clients.shift()
  clients.push(connected())
  if (oldest !== undefined) await leave(oldest)
}
