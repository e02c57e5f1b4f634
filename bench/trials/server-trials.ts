import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import { performance } from 'node:perf_hooks'
import { setTimeout as pause } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { jsonEvent, KurrentDBClient } from '@kurrent/kurrentdb-client'
import { openBenchStore } from '../engines.ts'
import { type Measured, processCosts } from '../harness/measured.ts'
import type { Trial } from '../harness/trial.ts'
import { driveAppenders, type Load, rates } from '../load/appenders.ts'
import { newEvent, payloadOf, typeOf } from '../load/events.ts'
import { type ServedStore, serveStore } from '../load/served-store.ts'

/** What one client does. */
export interface ClientSettings extends Load {
  /** By Append, one call each, instead of one call for all. */
  readonly classic: boolean
}

/** What a trial does. */
export interface ServerSettings extends ClientSettings {
  /** Client processes. */
  readonly clients: number
  /** Clients that do as little as a client can, in place of official ones. */
  readonly bare: boolean
  /** Events to read. */
  readonly events: number
}

/** Events of one append in the batch trial. */
export const batchEvents = 1_000

/** Without a server: the library in this process, as much as it takes. */
const library: Trial<ServerSettings> = async (load, folder) => {
  await using store = openBenchStore('sqlite', folder)
  return await driveAppenders(
    (streamId, version, nth) =>
      store.append(streamId, [newEvent(streamId, version, nth)], { expectedVersion: version }),
    load,
  )
}

const oneClient: Trial<ServerSettings> = async (settings, folder) => {
  await using served = await serveStore(folder)
  await using client = connect(served.host)
  await appendsByClient(client, { ...settings, run: 'w' })
  return await withServer(served, () => appendsByClient(client, { ...settings, warmUpMs: 0 }))
}

const manyClients: Trial<ServerSettings> = async (settings, folder) => {
  await using served = await serveStore(folder)
  const clients = Array.from({ length: settings.clients }, (_, number) => {
    const order = JSON.stringify({ ...settings, run: `c${number}` })
    const official = new URL('./client-process.ts', import.meta.url)
    const bare = new URL('./bare-client-process.ts', import.meta.url)
    return fork(fileURLToPath(settings.bare ? bare : official), [served.host, order])
  })
  await Promise.all(clients.map(messageOf))
  return await withServer(served, async () => {
    const measuring = clients.map(messageOf)
    for (const client of clients) client.send('go')
    const measured = (await Promise.all(measuring)) as Measured[]
    const sum = (of: (one: Measured) => number | undefined): number =>
      measured.reduce((total, one) => total + (of(one) ?? 0), 0)
    const events = sum((one) => one.events)
    const cpuUs = sum(({ cpuUsPerEvent = 0, events: own = 0 }) => cpuUsPerEvent * own)
    return { eventsPerSecond: sum((one) => one.eventsPerSecond), events, cpuUsPerEvent: cpuUs / events }
  })
}

const batches: Trial<ServerSettings> = async ({ warmUpMs, windowMs }, folder) => {
  await using served = await serveStore(folder)
  await using client = connect(served.host)
  const events = Array.from({ length: batchEvents }, (_, nth) => ({ type: 'OrderOpened', data: payloadOf(nth) }))
  const once = (nth: number) => client.appendToStream(`Order-${nth}`, events.map(jsonEvent))
  let nth = 0
  for (const end = performance.now() + warmUpMs; performance.now() < end; ) await once(nth++)
  return await withServer(served, async () => {
    const costs = processCosts()
    const startedAt = performance.now()
    const first = nth
    while (performance.now() - startedAt < windowMs) await once(nth++)
    const appended = (nth - first) * batchEvents
    return { ...rates(appended, (performance.now() - startedAt) / 1_000, costs()), events: appended }
  })
}

const libraryRead: Trial<ServerSettings> = async ({ events }, folder) => {
  await fill(events, folder)
  await using store = openBenchStore('sqlite', folder)
  return await reading(events, store.readAll())
}

/** Reads once to warm up, and once to be measured. */
function reads(from: (client: KurrentDBClient) => AsyncIterable<unknown>): Trial<ServerSettings> {
  return async ({ events }, folder) => {
    await fill(events, folder)
    await using served = await serveStore(folder)
    await using client = connect(served.host)
    await reading(events, from(client))
    return await withServer(served, () => reading(events, from(client)))
  }
}

/** From the creation of a projection until it has folded all that is there. */
function projects(query: string): Trial<ServerSettings> {
  return async ({ events }, folder) => {
    await fill(events, folder)
    await using served = await serveStore(folder)
    await using client = connect(served.host)
    return await withServer(served, async () => {
      const costs = processCosts()
      const startedAt = performance.now()
      await client.createProjection('measured', query, { emitEnabled: true })
      for (let done = 0; done < events; ) {
        await pause(20)
        const { status, stateReason, eventsProcessedAfterRestart } = await client.getProjectionStatus('measured')
        if (status !== 'Running') throw new Error(`The projection is ${status}. ${stateReason}`)
        done = Number(eventsProcessedAfterRestart)
      }
      return { ...rates(events, (performance.now() - startedAt) / 1_000, costs()), events }
    })
  }
}

/** What can be run in a process of its own, by name. */
export const trials: Readonly<Record<string, Trial<ServerSettings>>> = {
  library,
  oneClient,
  manyClients,
  batches,
  libraryRead,
  readStream: reads((client) => client.readStream('Order-1')),
  readAll: reads((client) => client.readAll()),
  subscription: reads((client) => client.subscribeToAll()),
  counting: projects('fromAll().when({ $init: () => ({ count: 0 }), $any(s) { s.count++ } })'),
  keyed: projects(
    'fromAll().partitionBy((e) => e.sequenceNumber % 1000).when({ $init: () => ({ count: 0 }), $any(s) { s.count++ } })',
  ),
  linking: projects("fromCategory('Order').when({ $any(s, e) { linkTo('links', e) } })"),
}

/** Appends of one official client, one event each with its expected revision. */
export async function appendsByClient(client: KurrentDBClient, settings: ClientSettings): Promise<Measured> {
  // With credentials the client appends by Append; they mean nothing here.
  const way = settings.classic ? { credentials: { username: 'admin', password: 'changeit' } } : {}
  const measured = await driveAppenders((streamId, version, nth) => {
    const event = jsonEvent({ type: typeOf(streamId, version), data: payloadOf(nth) })
    const streamState = version === 0 ? 'no_stream' : BigInt(version - 1)
    return client.appendToStream(streamId, event, { streamState, ...way })
  }, settings)
  return { ...measured, events: ((measured.eventsPerSecond ?? 0) * settings.windowMs) / 1_000 }
}

/** An official client; it is disposed of with its scope. */
export function connect(host: string): KurrentDBClient & AsyncDisposable {
  const client = KurrentDBClient.connectionString`${`kurrentdb://${host}?tls=false`}`
  return Object.assign(client, { [Symbol.asyncDispose]: () => client.dispose() })
}

/** What is measured while a server works, with the CPU time it takes for each event. */
async function withServer(served: ServedStore, measure: () => Promise<Measured>): Promise<Measured> {
  const before = await served.cpuUs()
  const measured = await measure()
  const cpuUs = (await served.cpuUs()) - before
  const { events = Number.NaN, ...rest } = measured
  return { ...rest, serverCpuUsPerEvent: cpuUs / events }
}

async function reading(count: number, events: AsyncIterable<unknown>): Promise<Measured> {
  const costs = processCosts()
  const startedAt = performance.now()
  let seen = 0
  for await (const _ of events) {
    seen++
    if (seen === count) break
  }
  return { ...rates(seen, (performance.now() - startedAt) / 1_000, costs()), events: seen }
}

async function fill(events: number, folder: string): Promise<void> {
  await using store = openBenchStore('sqlite', folder)
  for (let from = 0; from < events; from += batchEvents) {
    const batch = Array.from({ length: batchEvents }, (_, at) => newEvent('Order-1', from + at, from + at))
    await store.append('Order-1', batch)
  }
}

async function messageOf(child: ChildProcess): Promise<unknown> {
  const [message] = await once(child, 'message')
  return message
}
