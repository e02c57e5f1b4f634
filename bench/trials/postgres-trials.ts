import { performance } from 'node:perf_hooks'
import { setTimeout as sleep } from 'node:timers/promises'
import { Client } from 'pg'
import { freshDatabase } from '../../test/postgres/database.ts'
import { type Measured, processCosts } from '../harness/measured.ts'
import { serverCosts } from '../harness/server-costs.ts'
import type { Trial } from '../harness/trial.ts'
import { driveAppenders, type Load, latencies, rates } from '../load/appenders.ts'
import { eventsPerStream } from '../load/events.ts'
import { longStream } from '../load/fill.ts'
import { openByHand } from '../peers/by-hand.ts'
import { openEmmett } from '../peers/emmett.ts'
import { openMessageDb } from '../peers/message-db.ts'
import { type OpenPeer, type Peer, verb } from '../peers/peer.ts'
import { openMerged, openPlain } from '../peers/plain.ts'
import { openRemembering, openVarve, openVarveInParts } from '../peers/varve.ts'
import { transactions } from './transactions.ts'

const peers: Readonly<Record<string, OpenPeer>> = {
  varve: openVarve,
  remembering: openRemembering,
  parts: openVarveInParts,
  byHand: openByHand,
  plain: openPlain,
  merged: openMerged,
  emmett: openEmmett,
  messageDb: openMessageDb,
}

/** Who is measured, on which server, under which load. */
export interface PostgresSettings extends Load {
  readonly peer: string
  /** The superuser's, in any database of the server: each trial makes a database of its own. */
  readonly url: string
  /** The process id of the server. */
  readonly postmaster: number
  /** A database that was filled for reading; the others make one of their own. */
  readonly filled?: string
  /** Events per append, events of the stream that is read, timed appends, or subscriptions. */
  readonly size: number
}

const appends: Trial<PostgresSettings> = (settings) =>
  onFresh(settings, (peer) => driveAppenders((...one) => verb(peer, 'appendOne')(...one), settings))

const batches: Trial<PostgresSettings> = (settings) =>
  onFresh(settings, async (peer) => {
    const { size } = settings
    const measured = await driveAppenders((streamId, version, nth) => {
      return verb(peer, 'appendMany')(`${streamId}-${version}`, size, nth)
    }, settings)
    return { ...measured, ...perEvent(measured, size) }
  })

/** Streams that commands take turns on, so that all of them stay near the length they were made with. */
const commandStreams = 1_024

const commands: Trial<PostgresSettings> = (settings) =>
  onFresh(settings, async (peer) => {
    const streamOf = (nth: number): string => `Order-${nth % commandStreams}`
    for (let nth = 0; nth < commandStreams; nth += settings.appenders) {
      const some = Array.from({ length: settings.appenders }, (_, place) => nth + place)
      await Promise.all(some.map((one) => verb(peer, 'appendMany')(streamOf(one), eventsPerStream, one)))
    }
    // A process that has been running for a while has had each of these streams in its hands before.
    for (let nth = 0; nth < commandStreams; nth += settings.appenders) {
      const some = Array.from({ length: settings.appenders }, (_, place) => nth + place)
      await Promise.all(some.map((one) => verb(peer, 'command')(streamOf(one), one)))
    }
    return driveAppenders((_streamId, _version, nth) => verb(peer, 'command')(streamOf(nth), nth), settings)
  })

/** Streams that all commands of a contended trial are on. */
const contendedStreams = 10

/** All commands at once, on few streams: how many land, how soon, and how often each was decided. */
const contended: Trial<PostgresSettings> = (settings) =>
  onFresh(settings, async (peer) => {
    const execute = verb(peer, 'execute')
    const streamOf = (nth: number): string => `Contended-${nth % contendedStreams}`
    for (let nth = 0; nth < 50; nth++) await execute('Contended-before', nth, () => undefined)
    let decisions = 0
    const startedAt = performance.now()
    const settled = await Promise.allSettled(
      Array.from({ length: settings.size }, (_, nth) => execute(streamOf(nth), nth, () => decisions++)),
    )
    const seconds = (performance.now() - startedAt) / 1000
    const landed = settled.filter(({ status }) => status === 'fulfilled').length
    let stored = 0
    for (let nth = 0; nth < contendedStreams; nth++) stored += await verb(peer, 'readStream')(streamOf(nth))
    if (stored !== landed) throw new Error(`${settings.peer} says that ${landed} commands landed, and ${stored} did`)
    return {
      commandsPerSecond: landed / seconds,
      failed: settings.size - landed,
      decisionsPerCommand: decisions / landed,
    }
  })

/** Streams of each length in a filled database. */
const filledStreams = 20

/** Fills the database of a trial that reads: streams of 20, and some of 100 and 1,000. */
export async function fillForPostgres(peerName: string, url: string, events: number): Promise<void> {
  const peer = await opened(peerName, url)
  let nth = 0
  for (const length of [100, 1_000] as const) {
    for (let number = 0; number < filledStreams; number++)
      await verb(peer, 'appendMany')(longStream(length, number), length, nth++)
  }
  const perAppend = 100
  const rest = Math.max(0, events - filledStreams * 1_100)
  for (let at = 0; at < rest; at += perAppend * 8) {
    const some = Array.from({ length: 8 }, () => nth++)
    await Promise.all(some.map((one) => verb(peer, 'appendMany')(`Order-fill-${one}`, perAppend, one)))
  }
  await peer.close()
  const client = new Client({ connectionString: url })
  await client.connect()
  await client.query('vacuum analyze')
  await client.end()
}

const reads: Trial<PostgresSettings> = async (settings) => {
  const peer = await opened(settings.peer, settings.filled ?? '')
  const length = settings.size as 100 | 1_000
  const measured = await driveAppenders(async (_streamId, _version, nth) => {
    const events = await verb(peer, 'readStream')(longStream(length, nth % filledStreams))
    if (events !== length) throw new Error(`${settings.peer} found ${events} of ${length} events`)
  }, settings)
  await peer.close()
  return { ...measured, ...perEvent(measured, length) }
}

const catchUp: Trial<PostgresSettings> = async (settings) => {
  const peer = await opened(settings.peer, settings.filled ?? '')
  const [client, server] = [processCosts(), serverCosts(settings.postmaster)]
  const startedAt = performance.now()
  let events = 0
  for await (const seenSoFar of verb(peer, 'catchUp')()) {
    events = seenSoFar
    if (performance.now() - startedAt > settings.windowMs) break
  }
  const seconds = (performance.now() - startedAt) / 1000
  const spent = { ...rates(events, seconds, { ...client(), bytesWritten: undefined }), ...ofServer(server(), events) }
  await peer.close()
  return { ...spent, events }
}

/** Pause between timed appends: by then every wake-up of the one before is over. */
const quietMs = 10

const live: Trial<PostgresSettings> = (settings) =>
  onFresh(settings, async (writer, url) => {
    const reader = await opened(settings.peer, url)
    const arrivals = new Map<number, () => void>()
    await reader.follow?.((_streamId, version) => arrivals.get(version)?.())
    const samplesMs: number[] = []
    for (let nth = 0; nth < settings.size; nth++) {
      await sleep(quietMs)
      const arrived = new Promise<void>((resolve) => arrivals.set(nth + 1, resolve))
      const startedAt = performance.now()
      await verb(writer, 'appendOne')('Live-1', nth, nth)
      await arrived
      // The first one finds the connection that listens still on its way.
      if (nth > 0) samplesMs.push(performance.now() - startedAt)
    }
    await reader.close()
    return latencies(samplesMs)
  })

const idle: Trial<PostgresSettings> = (settings) =>
  onFresh(settings, async (peer, url) => {
    await verb(peer, 'appendMany')('Order-1', 100, 0)
    for (let nth = 0; nth < settings.size; nth++) await peer.follow?.(() => undefined)
    // Polls back off while nothing happens: what is measured is a store that has been idle for a while.
    await sleep(12_000)
    const [client, server] = [processCosts(), serverCosts(settings.postmaster)]
    const before = await transactions(settings.url, url)
    await sleep(settings.windowMs)
    const { cpuUs } = client()
    const percent = (us: number): number => us / 10 / settings.windowMs
    const serverUs = server()
    return {
      queriesPerSecond: ((await transactions(settings.url, url)) - before) / (settings.windowMs / 1000),
      clientPercentOfCore: percent(cpuUs),
      ...(serverUs !== undefined && { serverPercentOfCore: percent(serverUs) }),
    }
  })

/** What can be run in a process of its own, by name. */
export const trials: Readonly<Record<string, Trial<PostgresSettings>>> = {
  appends,
  batches,
  commands,
  contended,
  reads,
  catchUp,
  live,
  idle,
}

async function onFresh(
  settings: PostgresSettings,
  measure: (peer: Peer, url: string) => Promise<Measured>,
): Promise<Measured> {
  await using database = await freshDatabase(settings)
  const peer = await opened(settings.peer, database.url)
  const server = serverCosts(settings.postmaster)
  const startedAt = performance.now()
  const measured = await measure(peer, database.url)
  const spent = server()
  const total = (measured.eventsPerSecond ?? Number.NaN) * ((performance.now() - startedAt) / 1000)
  await peer.close()
  return { ...measured, ...(Number.isFinite(total) && ofServer(spent, total)) }
}

function opened(peer: string, url: string): Promise<Peer> {
  const open = peers[peer]
  if (open === undefined) throw new RangeError(`There is no peer ${peer}. Peers: ${Object.keys(peers).join(', ')}.`)
  return open(url)
}

/** Rates per append as rates per event. */
function perEvent({ eventsPerSecond = Number.NaN, cpuUsPerEvent = Number.NaN }: Measured, events: number): Measured {
  return { eventsPerSecond: eventsPerSecond * events, cpuUsPerEvent: cpuUsPerEvent / events }
}

function ofServer(cpuUs: number | undefined, events: number): Measured {
  return cpuUs === undefined ? {} : { serverCpuUsPerEvent: cpuUs / events }
}
