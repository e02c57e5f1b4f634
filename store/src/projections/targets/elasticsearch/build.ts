/**
 * One build of the read model: generation 0, which a target without generations writes, or one of the numbered ones.
 *
 * A write: gather > look at the checkpoint > documents > checkpoint, over the one that was looked at
 *
 * It is no transaction. Whatever interrupts it, documents are there of events that the checkpoint does not say yet, and the same
 * events written again leave them as they are. A write that empties begins in another index:
 *
 *   look at the checkpoint > make an index > documents > checkpoint > the record points at the index > readers see it
 *
 * where a checkpoint of an index that is not the record's counts for none.
 */
import { InvalidArgument, isVarveError } from '../../../model/errors.ts'
import type { RecordedEvent } from '../../../model/event.ts'
import { ProjectionFailed } from '../../../model/event-errors.ts'
import { CheckpointConflict } from '../../../model/shelf-errors.ts'
import { checkpointHolds, checkpointText, type TargetChange } from '../../../model/target.ts'
import { TargetFailed } from '../../../model/target-errors.ts'
import type { ServerBuild } from '../build-target.ts'
import { type Refresh, send, stored } from './bulk.ts'
import { createRecorder, type Documents, type FinalDocument, finalDocument, needsStored } from './documents.ts'
import type { Indices } from './indices.ts'
import type { CheckpointRecord, GenerationRecord, Ledger, Standing } from './ledger.ts'
import type { Link } from './link.ts'
import { checkpointId, generationOf, type Names, recordId } from './names.ts'
import type { AtEvent, ElasticsearchReadModel } from './read-model.ts'

/** What the builds of a target have in common. */
export interface BuildPlace {
  readonly names: Names
  readonly link: Link
  readonly indices: Indices
  readonly ledger: Ledger
  readonly refresh: Refresh
  /** Another text of a-z and 0-9 each time, everywhere. */
  readonly newToken: () => string
}

/** One build. */
export interface Build extends ServerBuild<ElasticsearchReadModel<object>> {
  /** The index that documents are in at this moment, undefined for none. */
  index(): Promise<string | undefined>
}

type Change = TargetChange<ElasticsearchReadModel<object>>

/** One generation; `birth` tells it from another of its number after it was dropped, and is '' for 0, which never is. */
export function createBuild(place: BuildPlace, generation: number, birth: string): Build {
  const { ledger } = place
  /** Readers see what the record says; unknown after a crash, and after an emptying write that failed. */
  let isSettled = false

  async function standing(name: string): Promise<Standing> {
    const found = await ledger.standing(generation, name)
    if (found.record === undefined || found.record.content.birth === birth) return found
    return { ...found, record: undefined, checkpoint: undefined }
  }

  async function write(projection: string, change: Change): Promise<void> {
    const recorder = createRecorder(change)
    try {
      const applied = change.apply(recorder.readModel)
      if (applied !== undefined) await applied
    } finally {
      recorder.end()
    }
    const { projection: name, expected, empty } = change
    // Only now, so that who was overtaken while its handlers ran sends no document.
    const found = await standing(name)
    const isGone = found.record === undefined && birth !== ''
    if (isGone || !checkpointHolds(expected, found.checkpoint)) throw new CheckpointConflict(name)
    const batch: Batch = { projection, generation, birth, change, found, documents: recorder.documents }
    if (empty) {
      isSettled = false
      await writtenAnew(place, batch)
    } else {
      const index = found.record?.content.index ?? (await indexMade(place, generation))
      await sentTo(place, index, batch)
      await saved(place, index, batch)
    }
    if (!isSettled) await shownAsRecorded(place, generation)
    isSettled = true
  }

  return {
    checkpoint: async (name) => (await standing(name)).checkpoint,
    write,
    index: async () => {
      const record = await ledger.record(generation)
      return record?.content.birth === birth ? record.content.index : undefined
    },
  }
}

/** Makes an index and the record of a generation, where there is none. */
export async function createdGeneration(place: BuildPlace, generation: number, birth: string): Promise<void> {
  const { names, indices, ledger, newToken } = place
  const index = names.index(generation, newToken())
  await indices.make(index)
  const record: GenerationRecord = { generation: recordId(generation), birth, index }
  const isMade = await ledger.put(recordId(generation), record, undefined)
  if (!isMade && (await ledger.record(generation))?.content.index !== index) await indices.remove(index)
}

/** The index of generation 0, for a first write that empties nothing. */
async function indexMade(place: BuildPlace, generation: number): Promise<string> {
  await createdGeneration(place, generation, '')
  const record = await place.ledger.record(generation)
  if (record === undefined) throw new TargetFailed('elasticsearch', 'what was written a moment ago is not there')
  return record.content.index
}

/**
 * Readers see the index of the record where they see another one of this generation, and that of generation 0 where they
 * see none. Looked at again until it is so, because somebody else may move the record at the same time.
 */
export async function shownAsRecorded({ indices, ledger }: BuildPlace, generation: number): Promise<void> {
  for (let looks = 0; looks < looksMax; looks++) {
    const shown = await indices.shown()
    const index = (await ledger.record(generation))?.content.index
    const isOwn = shown === undefined ? generation === 0 : generationOf(shown) === generation
    if (!isOwn || index === undefined || shown === index) return
    await indices.show(index)
  }
  throw new TargetFailed('elasticsearch', 'the alias does not come to where it is moved: may the user look at it?')
}

/** Others that move a record at the same time are few. */
const looksMax = 100

/** A write whose handlers have run. */
interface Batch {
  readonly projection: string
  readonly generation: number
  readonly birth: string
  readonly change: Change
  readonly found: Standing
  readonly documents: Documents
}

async function writtenAnew(place: BuildPlace, batch: Batch): Promise<void> {
  const { projection, generation, birth, change, found } = batch
  const { names, indices, ledger, newToken } = place
  const owner = await ledger.own(projection)
  if (owner !== projection) throw belongsToAnother(owner, projection)
  // Looked at before the own one is made: who begins anew at the same time loses below, and needs none of these either.
  const before = await indices.ofGeneration(generation)
  const index = names.index(generation, newToken())
  await indices.make(index)
  try {
    await sentTo(place, index, batch)
    await saved(place, index, batch)
    const record: GenerationRecord = { generation: recordId(generation), birth, index }
    const isMoved = await ledger.put(recordId(generation), record, found.record)
    if (!isMoved && (await ledger.record(generation))?.content.index !== index) {
      throw new CheckpointConflict(change.projection)
    }
  } catch (error) {
    // Where no answer came it may be in use.
    if (!isVarveError(error, 'TARGET_UNAVAILABLE')) await indices.remove(index)
    throw error
  }
  await shownAsRecorded(place, generation)
  for (const old of before) await indices.remove(old)
}

/** The checkpoint, over the one that was looked at. */
async function saved(
  { ledger, newToken }: BuildPlace,
  index: string,
  { generation, change, found }: Batch,
): Promise<void> {
  const { projection: name, next } = change
  const token = newToken()
  const id = checkpointId(generation, name)
  const record: CheckpointRecord = { generation: recordId(generation), index, name, text: checkpointText(next), token }
  if (await ledger.put(id, record, found.saved)) return
  // It may have been this write, whose answer was lost.
  const { saved } = await ledger.standing(generation, name)
  if (saved?.content.token !== token) throw new CheckpointConflict(name)
}

async function sentTo(place: BuildPlace, index: string, batch: Batch): Promise<void> {
  const { link, refresh } = place
  const { change, documents } = batch
  const failed = (at: AtEvent, cause: unknown): never => {
    throw isEvent(at) ? new ProjectionFailed(change.projection, at, { cause }) : cause
  }
  const asked = [...documents].flatMap(([id, steps]) => (needsStored(steps) ? id : []))
  const known = await stored(link.askAgain, index, asked)
  const finals: FinalDocument[] = []
  for (const [id, steps] of documents) {
    const final = finalDocument(id, steps, known.get(id), failed)
    if (final !== undefined) finals.push(final)
  }
  const sent = await send(link, index, finals, refresh)
  if (sent === 'gone') throw await goneFrom(place, index, batch)
  if (sent === 'done') return
  const { document, problem } = sent
  failed(
    document.at,
    new TargetFailed('elasticsearch', `document ${JSON.stringify(document.id)} was refused: ${problem}`),
  )
}

/** Whoever begins anew or drops a generation moves its record before the index goes: where that is the same, it was neither. */
async function goneFrom({ ledger }: BuildPlace, index: string, { generation, change }: Batch): Promise<Error> {
  const record = await ledger.record(generation)
  if (record?.content.index !== index) return new CheckpointConflict(change.projection)
  return new TargetFailed('elasticsearch', `index ${index} was removed by somebody else. Rebuild the projection.`)
}

/** Handlers hand on the event they were given; what only has its position cannot be named. */
function isEvent(at: AtEvent): at is RecordedEvent {
  return 'id' in at && 'streamId' in at && 'type' in at
}

/** The refusal of a second projection on one target. */
export function belongsToAnother(owner: string, projection: string): InvalidArgument {
  return new InvalidArgument(
    'target',
    `holds the read model of projection ${JSON.stringify(owner)}; give ${JSON.stringify(projection)} an index prefix of its own`,
  )
}
