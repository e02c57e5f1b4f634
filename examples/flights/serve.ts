/**
 * What `npm start` runs: the flights in an embedded store, served over HTTP, with a read model beside it that follows.
 *
 * listen > load what is missing > catch the read model up > say where to look > follow until Ctrl-C
 *
 * Starting it again adds nothing; a load that was interrupted, by Ctrl-C or a power cut, is completed by the next start.
 */
import { mkdirSync } from 'node:fs'
import { parseArgs } from 'node:util'
import { type EventStore, isVarveError, project, type RunningProjection, rebuild } from 'varve'
import { type RunningServer, type ServerConfig, serverConfig, startServer } from 'varve-server'
import { type AirportsReadModel, airportsIn } from './airports.ts'
import { readFlights } from './flights.ts'
import { loadFlights } from './load.ts'
import { announce, reportLoad, reportReadModel, showProgress } from './report.ts'

const folder = '.varve'

async function main(stop: AbortSignal): Promise<void> {
  const config = configured()
  mkdirSync(folder, { recursive: true })
  await using server = await startServer(config)
  const { store } = server
  const readModel = airportsIn(readModelPath(config))
  try {
    await refuseStale(store, readModel)
    reportLoad(await loadFlights(store, readFlights(), { signal: stop, onProgress: showProgress }))
    await serve(server, readModel, config, stop)
  } finally {
    await readModel.target.close()
  }
}

async function serve(
  { store, url }: RunningServer,
  readModel: AirportsReadModel,
  config: ServerConfig,
  stop: AbortSignal,
): Promise<void> {
  const running = project(store, readModel.projection, { signal: stop })
  // An event that the projection cannot take stops the read model, not the store: whoever appended it can still see it.
  running.done.catch((error: unknown) => console.error(explained(error)))
  const isReadModelAt = await reaches(running, await store.head(), stop)
  announce(url, config.store)
  if (isReadModelAt) reportReadModel(readModel)
  console.log('Ctrl-C ends it. New events are shown below as they come.\n')
  await follow(store, readModel, running, stop)
}

/** The live end of it all: each new event, and what the read model says once it has seen it. */
async function follow(
  store: EventStore,
  readModel: AirportsReadModel,
  running: RunningProjection,
  signal: AbortSignal,
): Promise<void> {
  for await (const { position, type, streamId } of store.subscribe({ from: 'end', signal })) {
    const isReadModelAt = await reaches(running, position, signal)
    const airport = isReadModelAt ? readModel.airport(streamId.replace('Airport-', '')) : undefined
    const totals = airport ? `: ${airport.departures} departures, ${airport.arrivals} arrivals` : ''
    console.log(`${position}  ${type}  ${streamId}${totals}`)
  }
}

/** Waits until the read model has seen a position; false when it never will. */
async function reaches(running: RunningProjection, position: number, signal: AbortSignal): Promise<boolean> {
  try {
    await running.waitFor(position, { signal })
    return true
  } catch {
    // Why it failed was said where it failed; Ctrl-C goes on to the end.
    signal.throwIfAborted()
    return false
  }
}

/** Flags, then `VARVE_…` variables, then what fits a demonstration. */
function configured(): ServerConfig {
  const { values } = parseArgs({ options: { port: { type: 'string' }, store: { type: 'string' } } })
  const { VARVE_STORE, VARVE_LOG_LEVEL } = process.env
  const store = values.store ?? VARVE_STORE ?? `sqlite:${folder}/flights.db`
  return serverConfig({ store, port: values.port, logLevel: VARVE_LOG_LEVEL ?? 'warn' }, process.env)
}

/** Beside the store, since its checkpoint is a position in that store and in no other. */
function readModelPath({ store }: ServerConfig): string {
  return store.startsWith('sqlite:')
    ? `${store.slice('sqlite:'.length).replace(/\.db$/, '')}-read-model.db`
    : ':memory:'
}

/** Somebody removed the store and left its read model: a checkpoint past the head belongs to a log that is gone. */
async function refuseStale(store: EventStore, { target, projection }: AirportsReadModel): Promise<void> {
  const checkpoint = await target.checkpoint(projection.name)
  if (checkpoint !== undefined && checkpoint.position > (await store.head())) await rebuild(store, projection)
}

/** What to print for an error: a sentence where it is the caller's to mend, everything where it is not. */
function explained(error: unknown): unknown {
  if (error instanceof TypeError && 'code' in error && String(error.code).startsWith('ERR_PARSE_ARGS')) {
    return `${error.message}. There are --port and --store.`
  }
  if (!isVarveError(error)) return error
  if ((error.cause as NodeJS.ErrnoException | undefined)?.code === 'EADDRINUSE') {
    return 'The port is in use. Stop what listens there, or choose another one: npm start -- --port 2114'
  }
  if (isVarveError(error, 'PROJECTION_FAILED')) {
    return `${error.message} The store goes on without the read model. Mend examples/flights/airports.ts, or remove ${folder} to begin again.`
  }
  return error.message
}

const stopping = new AbortController()
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => stopping.abort())

await main(stopping.signal).catch((error: unknown) => {
  if (error === stopping.signal.reason) return
  console.error(explained(error))
  process.exitCode = 1
})
if (stopping.signal.aborted) console.log('Stopped. What was acknowledged is on disk; npm start goes on from here.')
