import { createHash } from 'node:crypto'
import { type EventStore, fromEnvelope, toEnvelope } from 'varve'
import {
  eventsFrom,
  type Kurrent,
  lastPosition,
  type SourceEvent,
  type SourcePosition,
} from '../kurrent-copy/connect.ts'
import { type CopyCounts, copiedEvents } from '../kurrent-copy/copied-events.ts'
import { NotKept, underOwnId } from '../kurrent-copy/from-kurrent.ts'
import type { EventLine } from './envelope-line.ts'
import { CliFailure, type ExitCode, exitCodes, Interrupted } from './failure.ts'
import { putBatch, type Tally, type Target } from './import-batch.ts'
import { batchesOf } from './import-batches.ts'
import { connectTo, kurrentFailure } from './kurrent-failure.ts'
import { counting, createProgress, type Progress } from './progress.ts'
import { type Session, withStore } from './session.ts'
import { printResult } from './show.ts'

/**
 * `varve import --from`: a database of KurrentDB into a store, in the order of its events.
 *
 * The place up to which the database is copied is kept on the store's shelf, behind the events: a run that was killed
 * finds some of them there already, by their ids, and goes on. A place is trusted when the event that was there still is;
 * otherwise the database is gone through from its start.
 */

/** Events after which the place is saved, so that a run that was killed repeats no more than these. */
const savedEvery = 5_000

/** An event of the source on its way. Fillers have no place in it. */
interface SourceLine extends EventLine {
  readonly saved?: SavedPlace
}

/** Where an import stands, on the shelf of the store. */
interface SavedPlace {
  readonly source: string
  readonly commit: string
  readonly prepare: string
  readonly event_id: string
}

interface Copy {
  readonly session: Session
  readonly store: EventStore
  readonly source: Kurrent
  /** Its last position when the import began. */
  readonly end: SourcePosition | undefined
  readonly target: Target
  readonly counts: CopyCounts
}

/** Copies what there is and ends; run again, it copies what is new. */
export async function importKurrent(session: Session, connection: string): Promise<ExitCode | undefined> {
  const source = await connectTo('--from', connection)
  try {
    // Asked first: a source that is out of reach must not leave an empty store behind.
    const end = await lastOf(source, session.signal)
    return await withStore(session, 'create', async (store) => {
      const tally: Tally = { imported: 0, present: 0, positionsKept: false, lastLine: 0 }
      const wasEmpty = (await store.head()) === 0
      const target: Target = {
        store,
        wasEmpty,
        factsAbout: new Set(),
        tally,
        source: 'database',
        underOwnId: lineUnderOwnId,
      }
      const copy: Copy = { session, store, source, end, target, counts: { leftOut: 0, scavenged: 0 } }
      await copyAll(copy)
      await report(copy)
      return undefined
    })
  } finally {
    await source.client.dispose()
  }
}

async function copyAll(copy: Copy): Promise<void> {
  const { session, store, source } = copy
  const { signal } = session
  const place = (await store.shelf.get(shelfKey(source), { signal }))?.value as SavedPlace | undefined
  const progress = progressOf(copy, place)
  let latest: SavedPlace | undefined
  let unsaved = 0
  const save = async (): Promise<void> => {
    if (latest !== undefined) await store.shelf.put(shelfKey(source), latest)
    unsaved = 0
  }
  try {
    for await (const batch of batchesOf(linesOf(copy, place), store)) {
      await putBatch(copy.target, batch, signal)
      latest = batch.findLast(({ saved }) => saved !== undefined)?.saved ?? latest
      unsaved += batch.length
      if (unsaved >= savedEvery) await save()
      progress.update(copy.target.tally.imported + copy.target.tally.present, Number(latest?.commit ?? 0))
    }
    await save()
  } catch (error) {
    if (!(error instanceof Interrupted)) throw error
    await save()
    throw interrupted(error, copy)
  } finally {
    progress.end()
  }
}

async function* linesOf(copy: Copy, place: SavedPlace | undefined): AsyncGenerator<SourceLine> {
  const { session, store, source, counts } = copy
  let number = 0
  try {
    for await (const { envelope, event } of copiedEvents(newEvents(copy, place), store, counts, session.signal)) {
      const line = { number: ++number, text: '', endByte: 0, isWhole: true }
      const position = event?.position
      const saved =
        event === undefined || position === undefined ? {} : { saved: savedPlace(source, event.id, position) }
      yield { line, event: fromEnvelope(envelope), ...saved }
    }
  } catch (error) {
    if (!(error instanceof NotKept)) throw error
    throw new CliFailure(`Stopped at ${error.message}`, exitCodes.damaged, { cause: error })
  }
}

/** What the source has behind a place. */
async function* newEvents({ session, source }: Copy, place: SavedPlace | undefined): AsyncGenerator<SourceEvent> {
  const { signal, terminal } = session
  try {
    if (place !== undefined) {
      const events = eventsFrom(source, { commit: BigInt(place.commit), prepare: BigInt(place.prepare) }, signal)
      const { value: first } = await events.next()
      if (first?.id === place.event_id) return yield* events
      await events.return(undefined)
      terminal.note(
        `varve: ${source.name} no longer has event ${place.event_id}, up to which it was imported. Going through it from its start.`,
      )
    }
    yield* eventsFrom(source, undefined, signal)
  } catch (error) {
    throw signal.aborted ? signal.reason : kurrentFailure(source, error)
  }
}

function lineUnderOwnId({ line, event }: EventLine): EventLine {
  const { id, tag } = underOwnId(event.id, event.streamId, event.version)
  return { line, event: fromEnvelope({ ...toEnvelope(event), event_id: id, tags: [...event.tags, tag] }) }
}

function savedPlace({ name }: Kurrent, id: string, { commit, prepare }: SourcePosition): SavedPlace {
  return { source: name, commit: String(commit), prepare: String(prepare), event_id: id }
}

/** A list of hosts may be longer than a key. */
function shelfKey({ name }: Kurrent): string {
  return `kurrent-import:${createHash('sha256').update(name).digest('hex').slice(0, 32)}`
}

function progressOf({ session, end }: Copy, place: SavedPlace | undefined): Progress {
  const { terminal } = session
  const begin = Number(place?.commit ?? 0)
  const progress = createProgress({
    label: 'Importing',
    total: Math.max(0, Number(end?.commit ?? 0) - begin),
    stderr: terminal.stderr,
    isOn: terminal.isWatched,
    now: () => performance.now(),
  })
  return { update: (events, commit) => progress.update(events, Math.max(0, commit - begin)), end: progress.end }
}

async function lastOf(source: Kurrent, signal: AbortSignal): Promise<SourcePosition | undefined> {
  try {
    return await lastPosition(source, signal)
  } catch (error) {
    throw signal.aborted ? signal.reason : kurrentFailure(source, error)
  }
}

function interrupted({ exitCode }: Interrupted, { target, source }: Copy): CliFailure {
  const { imported, present } = target.tally
  const soFar = imported + present === 0 ? 'Nothing was imported' : `${counting(imported)} events were imported`
  return new CliFailure(`Interrupted. ${soFar} from ${source.name}; the same command goes on from there.`, exitCode)
}

async function report({ session, source, target, counts }: Copy): Promise<void> {
  const { imported, present } = target.tally
  const { leftOut, scavenged } = counts
  const there = present === 0 ? '' : `; ${counting(present)} were there already`
  const system = leftOut === 0 ? '' : `; ${counting(leftOut)} of the system's left out`
  const gaps = scavenged === 0 ? '' : `; ${counting(scavenged)} of them stand for scavenged ones`
  await printResult(
    session,
    { from: source.name, imported, already_present: present, left_out: leftOut, scavenged },
    `Imported ${counting(imported)} events from ${source.name}${gaps}${there}${system}.`,
    [imported, present, leftOut, scavenged, source.name],
  )
}
