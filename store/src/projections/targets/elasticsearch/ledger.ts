/**
 * What a target remembers beside the documents, in an index of its own:
 *
 *   owner        { projection }                       the projection it all belongs to
 *   g3           { generation, birth, index }         where the documents of generation 3 are
 *   g3.<hash>    { generation, index, name, text, token }   a checkpoint, and who wrote it last
 *
 * A checkpoint counts while its index is that of its generation: beginning anew in another index makes all others void.
 * Everything is read by id, which sees the last write, and written over what was read, which whoever was faster prevents.
 */
import { checkpointFrom, type TargetCheckpoint } from '../../../model/target.ts'
import { TargetUnavailable } from '../../../model/target-errors.ts'
import { errorType, unexpected } from './errors.ts'
import type { Ask, Link } from './link.ts'
import { checkpointId, type Names, ownerId, recordId } from './names.ts'

/** A document of the ledger, with what a write over it has to name. */
export interface Entry<Content> {
  readonly content: Content
  readonly seqNo: number
  readonly primaryTerm: number
}

/** Where the documents of a generation are. */
export interface GenerationRecord {
  readonly generation: string
  /** Tells it from another one of its number. */
  readonly birth: string
  readonly index: string
}

/** A checkpoint as it is kept. */
export interface CheckpointRecord {
  readonly generation: string
  readonly index: string
  readonly name: string
  readonly text: string
  readonly token: string
}

/** All that a write has to know. */
export interface Standing {
  readonly record: Entry<GenerationRecord> | undefined
  readonly saved: Entry<CheckpointRecord> | undefined
  /** Undefined for none, and for one that is void. */
  readonly checkpoint: TargetCheckpoint | undefined
}

/** The ledger of one target. */
export interface Ledger {
  standing(generation: number, name: string): Promise<Standing>
  record(generation: number): Promise<Entry<GenerationRecord> | undefined>
  owner(): Promise<string | undefined>
  /** Sets the owner where there is none, and gives the one there is. */
  own(projection: string): Promise<string>
  /** Writes over what was read, undefined for nothing; false when it is not that any more. */
  put(id: string, content: object, over: Entry<unknown> | undefined): Promise<boolean>
  /** Removes a generation's record, and then its checkpoints. */
  forget(generation: number): Promise<void>
}

/** Ids that are removed in one request. */
const pageIds = 1_000

/** Nothing is asked before the first call. */
export function createLedger({ checkpoints }: Names, { askAgain: ask }: Pick<Link, 'askAgain'>): Ledger {
  const path = (rest: string): string => `/${encodeURIComponent(checkpoints)}${rest}`
  const doc = (id: string): string => path(`/_doc/${encodeURIComponent(id)}`)
  let isMade = false

  async function read(...ids: readonly string[]): Promise<readonly (Entry<unknown> | undefined)[]> {
    const { status, body } = await ask({ method: 'POST', path: path('/_mget'), body: { ids } }, 404)
    if (status === 404) return []
    return (body as { readonly docs: readonly Found[] }).docs.map(entryOf)
  }

  async function put(id: string, content: object, over: Entry<unknown> | undefined): Promise<boolean> {
    // Not left to the server, which would index every field.
    if (!isMade) await created(checkpoints, ask)
    isMade = true
    const query: Readonly<Record<string, string>> =
      over === undefined
        ? { op_type: 'create' }
        : { if_seq_no: String(over.seqNo), if_primary_term: String(over.primaryTerm) }
    const request = { method: 'PUT', path: doc(id), query, body: content } as const
    const { status } = await ask(request, 404, 409)
    if (status !== 404) return status !== 409
    // Somebody has removed the index since.
    await created(checkpoints, ask)
    return (await ask(request, 409)).status !== 409
  }

  async function owner(): Promise<string | undefined> {
    const [own] = (await read(ownerId)) as readonly (Entry<Owner> | undefined)[]
    return own?.content.projection
  }

  return {
    put,
    owner,
    own: async (projection) => {
      const known = await owner()
      if (known !== undefined) return known
      await put(ownerId, { projection }, undefined)
      return (await owner()) ?? projection
    },
    record: async (generation) => {
      const [found] = (await read(recordId(generation))) as readonly (Entry<GenerationRecord> | undefined)[]
      return found
    },
    standing: async (generation, name) => {
      const ids = [recordId(generation), checkpointId(generation, name)]
      const [record, saved] = (await read(...ids)) as readonly [
        Entry<GenerationRecord> | undefined,
        Entry<CheckpointRecord> | undefined,
      ]
      const counts = saved !== undefined && saved.content.index === record?.content.index
      return { record, saved, checkpoint: counts ? checkpointFrom(saved.content.text) : undefined }
    },
    forget: async (generation) => {
      await ask({ method: 'DELETE', path: doc(recordId(generation)) }, 404)
      await removed(path, ask, generation)
    },
  }
}

interface Owner {
  readonly projection: string
}

/** Makes the index where there is none. */
async function created(index: string, ask: Ask): Promise<void> {
  const body = {
    settings: { number_of_shards: 1, auto_expand_replicas: '0-1' },
    mappings: { dynamic: false, properties: { generation: { type: 'keyword' } } },
  }
  const answer = await ask({ method: 'PUT', path: `/${encodeURIComponent(index)}`, body }, 400)
  if (answer.status === 400 && errorType(answer.body) !== 'resource_already_exists_exception') throw unexpected(answer)
}

async function removed(path: (rest: string) => string, ask: Ask, generation: number): Promise<void> {
  for (;;) {
    await ask({ method: 'POST', path: path('/_refresh') }, 404)
    const body = { size: pageIds, _source: false, query: { term: { generation: recordId(generation) } } }
    const { body: answer } = await ask({ method: 'POST', path: path('/_search'), body }, 404)
    const ids = idsIn(answer)
    if (ids.length === 0) return
    const lines = ids.map((_id) => JSON.stringify({ delete: { _id } }))
    await ask({ method: 'POST', path: path('/_bulk'), body: `${lines.join('\n')}\n` })
  }
}

/** A document of an answer to a request for many. */
export interface Found {
  readonly _id: string
  readonly found?: boolean
  readonly error?: { readonly type?: string; readonly reason?: string }
  readonly _version?: number
  readonly _seq_no?: number
  readonly _primary_term?: number
  readonly _source?: unknown
}

function entryOf(doc: Found): Entry<unknown> | undefined {
  const { _seq_no: seqNo = 0, _primary_term: primaryTerm = 0, _source: content } = doc
  return isThere(doc) ? { content, seqNo, primaryTerm } : undefined
}

/** Whether a document was found. One that could not be looked for is not taken for missing. */
export function isThere({ found, error }: Found): boolean {
  if (error !== undefined && error.type !== 'index_not_found_exception') {
    throw new TargetUnavailable('elasticsearch', `${error.type}: ${error.reason}`)
  }
  return found === true
}

function idsIn(answer: unknown): readonly string[] {
  const { hits } = answer as { readonly hits?: { readonly hits: readonly { readonly _id: string }[] } }
  return hits?.hits.map(({ _id }) => _id) ?? []
}
