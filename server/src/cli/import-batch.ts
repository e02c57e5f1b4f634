import { type AppendedAll, type EventStore, isVarveError, type StreamWrite } from 'varve'
import { type EventLine, newEventOf } from './envelope-line.ts'
import { CliFailure, describeFailure, exitCodes } from './failure.ts'

/**
 * Puts a batch of an export's lines into a store: every event at its version, in the order of the lines, or not at all.
 *
 * A batch is one append, so it happens whole or not. What is there already answers as a repeat; a batch that is refused
 * is halved until the line that is to blame stands alone, so everything before that line is in and nothing after it.
 */
export interface Target {
  readonly store: EventStore
  /** True when the store held nothing before this import: then nothing can be there already. */
  readonly wasEmpty: boolean
  /** Streams about which facts were imported: these may be hidden, and hidden looks like absent to an append. */
  readonly factsAbout: Set<string>
  readonly tally: Tally
  /** Where the lines come from: a file, a database of KurrentDB, or another store. Only those of a file have numbers. */
  readonly source: 'file' | 'database' | 'source'
  /** What to import for an event whose id is taken at another place. Without it such an event is refused. */
  readonly underOwnId?: (line: EventLine) => EventLine
}

/** What an import has done so far. */
export interface Tally {
  imported: number
  present: number
  /** False once an event has taken another position than the file gives it. */
  positionsKept: boolean
  /** The last line whose event is known to be in the store. */
  lastLine: number
}

/** No stream is ever at this version: an append that expects it can only be answered as a repeat. */
const neverThere = Number.MAX_SAFE_INTEGER

/** Reads of stream states under way at once. */
const readsInFlight = 16

const refusals = [
  'VERSION_CONFLICT',
  'DUPLICATE_EVENT_ID',
  'STREAM_TOMBSTONED',
  'INVALID_ARGUMENT',
  'LIMIT_EXCEEDED',
  'PAYLOAD_TOO_LARGE',
] as const

/** Imports the lines of one batch. Each stream's lines stand next to each other. */
export async function putBatch(target: Target, batch: readonly EventLine[], signal: AbortSignal): Promise<void> {
  const refused = await tryBatch(target, batch, signal)
  if (refused === undefined) return
  const [first] = batch
  if (batch.length === 1 && first !== undefined) {
    const { underOwnId, ...plain } = target
    const isTaken = refused instanceof OtherPlace || isVarveError(refused, 'DUPLICATE_EVENT_ID')
    if (underOwnId !== undefined && isTaken) return putBatch(plain, [underOwnId(first)], signal)
    throw await stoppedAt(target, first, refused)
  }
  const middle = batch.length >> 1
  await putBatch(target, batch.slice(0, middle), signal)
  await putBatch(target, batch.slice(middle), signal)
}

/** The refusal, or undefined when the whole batch is in. */
async function tryBatch(target: Target, batch: readonly EventLine[], signal: AbortSignal): Promise<Error | undefined> {
  try {
    const isThere = !target.wasEmpty && (await isRepeat(target, batch, signal))
    if (!isThere) await append(target, batch, await expectations(target, batch, signal), signal)
    return undefined
  } catch (error) {
    if (refusals.some((code) => isVarveError(error, code))) return error as Error
    if (error instanceof OtherPlace && target.underOwnId !== undefined) return error
    throw error
  }
}

/** Asks without being able to write. A batch that is partly there is refused as a duplicate, which halving resolves. */
async function isRepeat(target: Target, batch: readonly EventLine[], signal: AbortSignal): Promise<boolean> {
  try {
    await append(target, batch, () => neverThere, signal)
    return true
  } catch (error) {
    if (isVarveError(error, 'VERSION_CONFLICT') || isVarveError(error, 'STREAM_TOMBSTONED')) return false
    throw error
  }
}

/**
 * The version each stream must be at. Before version 1 that is 0, which also holds of a stream whose events were
 * deleted: such a stream would go on counting, so for it nothing but a repeat will do.
 */
async function expectations(
  { store, wasEmpty, factsAbout }: Target,
  batch: readonly EventLine[],
  signal: AbortSignal,
): Promise<(first: EventLine) => number> {
  const doubtful = batch
    .filter(({ event }) => event.version === 1 && (!wasEmpty || factsAbout.has(event.streamId)))
    .map(({ event }) => event.streamId)
  const written = new Set<string>()
  for (let at = 0; at < doubtful.length; at += readsInFlight) {
    const streams = doubtful.slice(at, at + readsInFlight)
    const infos = await Promise.all(streams.map((streamId) => store.streamInfo(streamId, { signal })))
    for (const info of infos) if (info.version > 0) written.add(info.streamId)
  }
  return ({ event }) => (written.has(event.streamId) ? neverThere : event.version - 1)
}

async function append(
  target: Target,
  batch: readonly EventLine[],
  expect: (first: EventLine) => number,
  signal: AbortSignal,
): Promise<void> {
  const runs = runsOf(batch)
  const writes = runs.map((run): StreamWrite => {
    const [first] = run as readonly [EventLine]
    return { streamId: first.event.streamId, events: run.map(newEventOf), expectedVersion: expect(first) }
  })
  // Never given up half-way: an append that was sent is waited for, so that what is said to be in is in.
  signal.throwIfAborted()
  const landed = await target.store.appendAll(writes)
  refuseOtherPlace(target, landed, runs)
  count(target, batch, landed)
}

/** Events are in the store, and lie elsewhere than they do in what is imported. */
class OtherPlace extends CliFailure {}

/** The same ids at other versions are not this history. */
function refuseOtherPlace({ source }: Target, landed: AppendedAll, runs: readonly (readonly EventLine[])[]): void {
  for (const [index, run] of runs.entries()) {
    const [first] = run as readonly [EventLine]
    const at = landed.streams[index]?.firstVersion
    if (at === first.event.version) continue
    const where = placeIn(source, first)
    throw new OtherPlace(
      `At ${where}: event ${first.event.id} is version ${at} of stream ${JSON.stringify(first.event.streamId)} in the store, ` +
        `the ${source} has it at ${first.event.version}. The store went another way than the ${source}: import into a new store.`,
      exitCodes.conflict,
    )
  }
}

function count({ tally, factsAbout }: Target, batch: readonly EventLine[], landed: AppendedAll): void {
  const [first] = batch as readonly [EventLine]
  const last = batch.at(-1) as EventLine
  if (landed.idempotent) tally.present += batch.length
  else tally.imported += batch.length
  const isKept = landed.firstPosition === first.event.position && landed.position === last.event.position
  tally.positionsKept &&= isKept
  tally.lastLine = last.line.number
  for (const { event } of batch) if (event.streamId.startsWith('$$')) factsAbout.add(event.streamId.slice(2))
}

/** Neighbours of one stream, as the writes of one append. */
function runsOf(batch: readonly EventLine[]): readonly (readonly EventLine[])[] {
  const runs: EventLine[][] = []
  for (const line of batch) {
    const run = runs.at(-1)
    if (run?.[0]?.event.streamId === line.event.streamId) run.push(line)
    else runs.push([line])
  }
  return runs
}

/** Says which line the import came to, why it goes no further, and what to do. */
async function stoppedAt(target: Target, line: EventLine, refused: Error): Promise<CliFailure> {
  const { line: reason, exitCode } = describeFailure(refused)
  const isConflict = exitCode === exitCodes.conflict
  const why = isVarveError(refused, 'VERSION_CONFLICT') ? await versionProblem(target, line.event) : reason
  const where = placeIn(target.source, line)
  return new CliFailure(
    `Stopped at ${where}: ${why} ${soFar(target)}.`,
    isConflict ? exitCodes.conflict : exitCodes.damaged,
    { cause: refused },
  )
}

function soFar({ source, tally }: Target): string {
  const { imported, present, lastLine } = tally
  if (imported + present === 0) return `Nothing of the ${source} is in the store`
  const what = source === 'file' ? `The lines up to ${lastLine} are` : 'Everything before it is'
  const after = source === 'file' ? 'them' : 'it'
  return `${what} in the store (${imported} imported, ${present} were there), nothing after ${after}`
}

/** What somebody who looks for the event has to look for there. */
function placeIn(source: Target['source'], { line, event }: EventLine): string {
  if (source === 'file') return `line ${line.number}`
  return source === 'database' ? `${event.version - 1}@${event.streamId}` : `position ${event.position}`
}

async function versionProblem({ store, source }: Target, event: EventLine['event']): Promise<string> {
  const { version } = await store.streamInfo(event.streamId)
  const stream = JSON.stringify(event.streamId)
  const it = source === 'file' ? 'the line' : 'it'
  if (event.version > version + 1) {
    const missing =
      event.version === version + 2
        ? `version ${version + 1} is`
        : `versions ${version + 1} to ${event.version - 1} are`
    return (
      `${it} is version ${event.version} of stream ${stream}, which is at ${version} in the store: ${missing} missing. ` +
      'Import what comes before first, or export the stream whole.'
    )
  }
  return (
    `${it} is version ${event.version} of stream ${stream}, which is at ${version} in the store with other events. ` +
    `The store went another way than the ${source}: import into a new store.`
  )
}
