/**
 * What the handlers of a batch do to documents, gathered by document.
 *
 * A document has the place of the last event in it as its external version, so whoever writes it again, or later than somebody
 * who has gone further, changes nothing. An event that was parked and comes after all has a place behind everything up to
 * the checkpoint, and before everything that comes.
 */
import { InvalidArgument, LimitExceeded } from '../../../model/errors.ts'
import { limits } from '../../../model/limits.ts'
import { isPosition } from '../../../model/position.ts'
import type { TargetChange } from '../../../model/target.ts'
import { checkDocument } from '../checked-document.ts'
import type { AtEvent, ElasticsearchReadModel } from './read-model.ts'

/** One thing that is done to a document. */
export type Step = { readonly at: AtEvent; readonly version: number } & (
  | { readonly does: 'put'; readonly text: string }
  | { readonly does: 'update'; readonly change: (document: object | undefined) => object | undefined }
  | { readonly does: 'delete' }
)

/** What is done to each document, in order. Whatever a put or a delete makes pointless is left out. */
export type Documents = ReadonlyMap<string, readonly Step[]>

/** A batch that is being recorded. */
export interface Recorder {
  readonly readModel: ElasticsearchReadModel<object>
  readonly documents: Documents
  /** From here on whoever kept hold of the read model is refused. */
  end(): void
}

/** Bytes that the server takes for an id. */
const idBytes = 512
/** Versions between one position and the next: one for each event that may be parked at one checkpoint, and one for the position. */
const versionsPerPosition = 1_024

/** Records a batch that goes from one checkpoint to another. */
export function createRecorder({ expected, next }: Pick<TargetChange<unknown>, 'expected' | 'next'>): Recorder {
  const documents = new Map<string, Step[]>()
  const before = typeof expected === 'object' ? expected.position : 0
  let steps = 0
  let isOver = false

  function versionOf({ position }: AtEvent): number {
    if (!isPosition(position) || position === 0) {
      throw new InvalidArgument('at', 'has no position: give the event that the handler was given')
    }
    if (position > next.position) throw new InvalidArgument('at', `is at ${position}, behind the end of the batch`)
    const isLate = position <= before
    const version = isLate
      ? before * versionsPerPosition + 1 + (limits.parkedEvents - Math.min(next.parked.length, limits.parkedEvents))
      : position * versionsPerPosition
    if (!Number.isSafeInteger(version)) throw new InvalidArgument('at', `is at ${position}, which no version can tell`)
    return version
  }

  function recorded(at: AtEvent, id: string): { readonly at: AtEvent; readonly version: number } {
    if (isOver) {
      throw new InvalidArgument('documents', 'were given to a handler for one batch, which is over: await what it does')
    }
    checkId(id)
    if (++steps > limits.targetBatchChanges) {
      throw new LimitExceeded('targetBatchChanges', steps, 'Change fewer documents by one event.')
    }
    return { at, version: versionOf(at) }
  }

  const refuse = async (): Promise<never> => {
    throw new InvalidArgument(
      'get',
      'and search are for readers: a handler reads the document that it updates, in update()',
    )
  }
  return {
    documents,
    end: () => {
      isOver = true
    },
    readModel: {
      get: refuse,
      search: refuse,
      put: (at, id, document) => {
        const text = documentText(document)
        documents.set(id, [{ ...recorded(at, id), does: 'put', text }])
      },
      delete: (at, id) => {
        documents.set(id, [{ ...recorded(at, id), does: 'delete' }])
      },
      update: (at, id, change) => {
        if (typeof change !== 'function') throw new InvalidArgument('change', 'is not a function')
        const step = { ...recorded(at, id), does: 'update', change } as const
        const known = documents.get(id)
        if (known === undefined) documents.set(id, [step])
        else known.push(step)
      },
    },
  }
}

/** A document as it lies there. */
export interface StoredDocument {
  readonly version: number
  readonly document: object
}

/** What is to be sent for a document: its text, or null to delete it. */
export interface FinalDocument {
  readonly id: string
  /** Of the last event in it. */
  readonly at: AtEvent
  readonly version: number
  readonly text: string | null
}

/** Whether what comes of the steps depends on what is there. */
export function needsStored(steps: readonly Step[]): boolean {
  return steps[0]?.does === 'update'
}

/**
 * What comes of the steps to one document. Undefined when it has them all in it already.
 *
 * @throws what a change throws, by way of `failed`.
 */
export function finalDocument(
  id: string,
  steps: readonly Step[],
  stored: StoredDocument | undefined,
  failed: (at: AtEvent, cause: unknown) => never,
): FinalDocument | undefined {
  const due = steps.filter((step) => stored === undefined || stored.version < step.version)
  const last = due.at(-1)
  if (last === undefined) return undefined
  let text = stored === undefined ? null : JSON.stringify(stored.document)
  for (const step of due) {
    if (step.does === 'put') text = step.text
    else if (step.does === 'delete') text = null
    else text = changed(step, text, failed)
  }
  const version = due.reduce((highest, step) => Math.max(highest, step.version), 0)
  return { id, at: last.at, version, text }
}

/** By way of its text, so that what one change hands on to the next is what would be stored. */
function changed(
  { at, change }: Extract<Step, { does: 'update' }>,
  text: string | null,
  failed: (at: AtEvent, cause: unknown) => never,
): string | null {
  try {
    const made = change(text === null ? undefined : JSON.parse(text))
    return made === undefined ? null : documentText(made)
  } catch (cause) {
    return failed(at, cause)
  }
}

function documentText(document: unknown): string {
  checkDocument(document)
  const text = jsonOf(document)
  // It may have a toJSON of its own.
  if (!text?.startsWith('{')) throw new InvalidArgument('document', 'is not an object of JSON')
  return text
}

function jsonOf(document: object): string | undefined {
  try {
    return JSON.stringify(document)
  } catch (error) {
    throw new InvalidArgument('document', `is no JSON: ${(error as Error).message}`)
  }
}

/** An id as the server takes it. */
export function checkId(id: unknown): asserts id is string {
  const isId = typeof id === 'string' && id !== '' && id.isWellFormed() && Buffer.byteLength(id) <= idBytes
  if (!isId) throw new InvalidArgument('id', `is not a well-formed string of 1 to ${idBytes} bytes`)
}
