import type { EventStore, RecordedEvent } from 'varve'
import { openStoreAt } from '../open-engine.ts'
import { withoutPassword } from '../store-url.ts'
import { type CopiedPlace, loadPlace, missingIn, placeAfter, placeOfNone, savePlace } from './copied-place.ts'
import type { EventLine } from './envelope-line.ts'
import { eventsBetween } from './events-between.ts'
import { CliFailure, type ExitCode, exitCodes, Interrupted } from './failure.ts'
import { putBatch, type Tally, type Target } from './import-batch.ts'
import { batchesOf } from './import-batches.ts'
import { refuseUsage } from './options.ts'
import { counting, createProgress, type Progress } from './progress.ts'
import { refuseUnfitStore, type Session, withStore } from './session.ts'
import { printResult } from './show.ts'

/**
 * `varve import --from`: another store into this one, at rest or while it is written to.
 *
 * The place up to which it is copied is kept on the shelf of the copy, behind the events: a run that was killed finds some
 * of them there already, by their ids, and goes on. A place is trusted when the source still has that event there. Of a
 * source whose log lies in shards there is a place in each.
 */

/** Events after which the place is saved, so that a run that was killed repeats no more than these. */
const savedEvery = 5_000

/** How another store is copied. */
export interface CopyOptions {
  /** Go on with what is appended, until the command is ended. */
  readonly follow: boolean
  /** Copy the entries of the shelf too, once the events are there. */
  readonly shelf: boolean
  /** Names of checkpoints to copy then. */
  readonly checkpoints: readonly string[]
}

interface Copy {
  readonly session: Session
  readonly source: EventStore
  readonly name: string
  readonly target: Target
  place: CopiedPlace
}

/** Copies what there is, and with `follow` what is new as it comes. */
export async function importStore(session: Session, url: string, options: CopyOptions): Promise<ExitCode | undefined> {
  if (url === session.storeUrl) refuseUsage('--from and --store name the same store. Name another one to copy into.')
  refuseUnfitStore(url, 'existing')
  const source = await openStoreAt(url, 'existing', process.env.VARVE_TOKEN)
  try {
    // Asked first: a source that is out of reach must not leave an empty store behind.
    await source.heads({ signal: session.signal })
    return await withStore(session, 'create', (store) =>
      copyInto(session, store, source, withoutPassword(url), options),
    )
  } finally {
    await source.close()
  }
}

async function copyInto(
  session: Session,
  store: EventStore,
  source: EventStore,
  name: string,
  { follow, shelf, checkpoints }: CopyOptions,
): Promise<ExitCode | undefined> {
  const tally: Tally = { imported: 0, present: 0, positionsKept: true, lastLine: 0 }
  const wasEmpty = Math.max(...(await store.heads())) === 0
  const target: Target = { store, wasEmpty, factsAbout: new Set(), tally, source: 'source' }
  const copy: Copy = { session, source, name, target, place: placeOfNone(source.capabilities.logShards) }
  copy.place = await placeToGoOn(copy)
  try {
    await copyEvents(copy, follow)
  } catch (error) {
    if (!(error instanceof Interrupted)) throw error
    await save(copy)
    // Ctrl-C is how following ends; of what was to come to an end by itself something is missing.
    if (!follow) throw interrupted(error, copy)
  }
  await save(copy)
  if (shelf || checkpoints.length > 0) await refuseOtherPositions(copy)
  for (const checkpoint of checkpoints) await copyCheckpoint(copy, checkpoint)
  const entries = shelf ? await copyShelf(copy) : 0
  await report(copy, entries)
  return exitCodes.done
}

/** The place that an earlier run came to, unless the source is another one by now. */
async function placeToGoOn({ session, source, name, target, place }: Copy): Promise<CopiedPlace> {
  const saved = await loadPlace(target.store, name, session)
  if (saved === undefined) return place
  if (saved.positions.length === place.positions.length) {
    const missing = await missingIn(source, saved, session)
    if (missing === undefined) return saved
    session.terminal.note(
      `varve: ${name} has no event ${missing.id} at position ${missing.position}, up to which it was imported. Going through it from its start.`,
    )
  } else {
    session.terminal.note(
      `varve: ${name} was imported with ${saved.positions.length} log shards and has ${place.positions.length}. Going through it from its start.`,
    )
  }
  return place
}

async function copyEvents(copy: Copy, follow: boolean): Promise<void> {
  const { session, source } = copy
  const { signal, terminal } = session
  await copyToHead(copy)
  if (!follow) return
  terminal.note(`varve: caught up with ${copy.name} at ${told(copy.place)}. Copying what is appended; Ctrl-C ends it.`)
  for (;;) {
    // The first new event says that there is something to copy; it is read again with what follows it.
    for await (const _ of source.subscribe({ after: copy.place.positions, signal })) break
    await copyToHead(copy)
  }
}

/** Copies what there is at the moment. */
async function copyToHead(copy: Copy): Promise<void> {
  const { session, source, target } = copy
  const { signal } = session
  const begin = copy.place.positions
  const progress = progressOf(session, eventsBetween(begin, await source.heads({ signal })))
  let unsaved = 0
  try {
    for await (const batch of batchesOf(linesOf(source.readAll({ after: begin, signal })), target.store)) {
      await putBatch(target, batch, signal)
      copy.place = placeAfter(copy.place, eventsOf(batch))
      unsaved += batch.length
      if (unsaved >= savedEvery) {
        await save(copy)
        unsaved = 0
      }
      progress.update(target.tally.imported + target.tally.present, eventsBetween(begin, copy.place.positions))
    }
    if (unsaved > 0) await save(copy)
  } finally {
    progress.end()
  }
}

function eventsOf(batch: readonly EventLine[]): readonly RecordedEvent[] {
  return batch.map(({ event }) => event)
}

async function* linesOf(events: AsyncIterable<RecordedEvent>): AsyncGenerator<EventLine> {
  for await (const event of events) {
    yield { line: { number: event.position, text: '', endByte: 0, isWhole: true }, event }
  }
}

/** Checkpoints are positions, as is much of what lies on the shelf: they mean something only where events lie at theirs. */
async function refuseOtherPositions({ session, source, name, target: { store }, place }: Copy): Promise<void> {
  const { logShards } = source.capabilities
  const areSame = store.capabilities.logShards === logShards && (await missingIn(store, place, session)) === undefined
  if (areSame) return
  throw new CliFailure(
    `The events are here, but not at the positions they have in ${name}, which its checkpoints and shelf speak of: those ` +
      `were not copied. Import into a store that is new${logShards === 1 ? '' : ` and has ${logShards} log shards`}.`,
    exitCodes.conflict,
  )
}

async function copyCheckpoint({ session: { signal }, source, name, target }: Copy, checkpoint: string): Promise<void> {
  const found = await source.checkpoints.load(checkpoint, { signal })
  if (found === undefined)
    throw new CliFailure(
      `${name} has no checkpoint ${JSON.stringify(checkpoint)}. The events are here; run this again with the names that its consumers use.`,
    )
  await target.store.checkpoints.save(checkpoint, found.positions ?? found.position, { signal })
}

async function copyShelf({ session: { signal }, source, target }: Copy): Promise<number> {
  let entries = 0
  for await (const { key, value } of source.shelf.list({ signal })) {
    await target.store.shelf.put(key, value, { signal })
    entries++
  }
  return entries
}

async function save({ name, target, place }: Copy): Promise<void> {
  await savePlace(target.store, name, place)
}

function progressOf({ terminal }: Session, total: number): Progress {
  return createProgress({
    label: 'Importing',
    total,
    stderr: terminal.stderr,
    isOn: terminal.isWatched,
    now: () => performance.now(),
  })
}

function interrupted({ exitCode }: Interrupted, { name, place }: Copy): CliFailure {
  const isBegun = place.positions.some((position) => position > 0)
  const soFar = isBegun ? `Everything up to ${told(place)} is here` : 'Nothing was imported'
  return new CliFailure(`Interrupted. ${soFar} from ${name}; the same command goes on from there.`, exitCode)
}

function told({ positions }: CopiedPlace): string {
  const numbers = positions.map((position) => counting(position))
  return numbers.length === 1 ? `position ${numbers[0]}` : `positions ${numbers.join(' ')} of its log shards`
}

async function report({ session, name, target, place }: Copy, shelfEntries: number): Promise<void> {
  const { imported, present, positionsKept } = target.tally
  const there = present === 0 ? '' : `; ${counting(present)} were there already`
  const moved = imported === 0 || positionsKept ? '' : ' at positions of this store'
  const { positions } = place
  const [position = 0] = positions
  const isOneLog = positions.length === 1
  const shelf = shelfEntries === 0 ? '' : `; ${counting(shelfEntries)} entries of its shelf`
  await printResult(
    session,
    {
      from: name,
      imported,
      already_present: present,
      positions_kept: positionsKept,
      ...(isOneLog ? { position } : { positions }),
      shelf_entries: shelfEntries,
    },
    `Imported ${counting(imported)} events from ${name}, up to ${told(place)}${moved}${there}${shelf}.`,
    [imported, present, isOneLog ? position : positions.join(' '), shelfEntries, name],
  )
}
