/** Documents sent to an index, many in a request. All of it may be repeated: versions see to it. */
import { TargetFailed } from '../../../model/target-errors.ts'
import type { Answer } from './client.ts'
import type { FinalDocument, StoredDocument } from './documents.ts'
import { isOfDocument, noJson, saidBy, unexpected } from './errors.ts'
import { type Found, isThere } from './ledger.ts'
import type { Ask, Link } from './link.ts'
import { writeAlias } from './names.ts'

/** When a search finds what was written. */
export type Refresh = 'later' | 'wait' | 'now'

/** Bytes of a request, about: the server takes 100 MB, and works well with a few. */
const requestBytes = 5 * 1_024 * 1_024
/** Documents that are asked for in one request. */
const pageIds = 500
/** A refusal of one document that means the index is not there any more. */
const gone: readonly unknown[] = ['index_not_found_exception', 'alias_not_found_exception']

/** Why a document was not taken. */
export interface RefusedDocument {
  readonly document: FinalDocument
  readonly problem: string
}

/** What became of documents that were sent: `'gone'` where the index they were for is not there any more. */
export type Sent = 'done' | 'gone' | RefusedDocument

/**
 * Sends documents to an index by its write alias. One that is there already in this version or a later one stays as it is.
 */
export async function send(
  { ask, persistently }: Link,
  index: string,
  documents: readonly FinalDocument[],
  refresh: Refresh,
): Promise<Sent> {
  const path = `/${encodeURIComponent(writeAlias(index))}/_bulk`
  const query = { require_alias: 'true', refresh: { later: 'false', wait: 'wait_for', now: 'true' }[refresh] }
  async function sent(page: readonly Line[]): Promise<Sent> {
    const body = page.map(({ lines }) => lines).join('')
    const request = { method: 'POST', path, query, body } as const
    const outcome = await persistently(async () => outcomeOf(await ask(request, ...refusals), page))
    if (outcome !== 'too large') return outcome
    // Something in between takes less than the server does.
    const half = Math.ceil(page.length / 2)
    const first = await sent(page.slice(0, half))
    return first === 'done' ? sent(page.slice(half)) : first
  }
  for (const page of pagesOf(documents)) {
    const outcome = await sent(page)
    if (outcome !== 'done') return outcome
  }
  return 'done'
}

/** Statuses of a whole request that say something of the index, or of a document in it. */
const refusals = [404, 413]

interface Line {
  readonly document: FinalDocument
  readonly lines: string
}

function* pagesOf(documents: readonly FinalDocument[]): Generator<readonly Line[]> {
  let page: Line[] = []
  let bytes = 0
  for (const document of documents) {
    const line = { document, lines: linesOf(document) }
    if (page.length > 0 && bytes + line.lines.length > requestBytes) {
      yield page
      page = []
      bytes = 0
    }
    page.push(line)
    bytes += line.lines.length
  }
  if (page.length > 0) yield page
}

function linesOf({ id, version, text }: FinalDocument): string {
  const action = { _id: id, version, version_type: 'external' }
  return text === null ? `${JSON.stringify({ delete: action })}\n` : `${JSON.stringify({ index: action })}\n${text}\n`
}

interface BulkItem {
  readonly status?: number
  readonly error?: { readonly type?: string; readonly reason?: string }
}

/** What became of a page; `'too large'` where parts of it may be taken. */
function outcomeOf({ status, body }: Answer, page: readonly Line[]): Sent | 'too large' {
  if (status === 404) return 'gone'
  if (status === 413) return tooLarge(page)
  const { items } = body as { readonly items?: readonly Readonly<Record<string, BulkItem>>[] }
  if (items?.length !== page.length) throw noJson({ status, body })
  const outcomes = items.map((item) => Object.values(item)[0] ?? {})
  // A later version is there, which is no failure; nor is it that there was nothing to delete, which has no error.
  const failures = outcomes.map(({ status, error }) => (status === 409 ? undefined : error))
  if (failures.some((error) => gone.includes(error?.type))) return 'gone'
  const other = outcomes.find(({ status = 0 }, at) => failures[at] !== undefined && !isOfDocument(status))
  if (other !== undefined) throw unexpected({ status: other.status ?? 0, body: other })
  const at = failures.findIndex((error) => error !== undefined)
  const document = page[at]?.document
  return document === undefined ? 'done' : { document, problem: saidBy({ error: failures[at] }) }
}

function tooLarge([only, ...others]: readonly Line[]): Sent | 'too large' {
  if (only === undefined || others.length > 0) return 'too large'
  return { document: only.document, problem: '413, it is too large: make it smaller, or raise http.max_content_length' }
}

/** Documents as they are at this moment, by id; those that are not there are left out. */
export async function stored(
  ask: Ask,
  index: string,
  ids: readonly string[],
): Promise<ReadonlyMap<string, StoredDocument>> {
  const found = new Map<string, StoredDocument>()
  for (let first = 0; first < ids.length; first += pageIds) {
    const body = { ids: ids.slice(first, first + pageIds) }
    const request = { method: 'POST', path: `/${encodeURIComponent(index)}/_mget`, body } as const
    const { status, body: answer } = await ask(request, 404)
    const docs = status === 404 ? [] : (answer as { readonly docs: readonly Found[] }).docs
    for (const doc of docs) {
      if (isThere(doc)) found.set(doc._id, { version: doc._version ?? 0, document: sourceOf(doc) })
    }
  }
  return found
}

function sourceOf({ _id: id, _source: source }: Found): object {
  if (typeof source === 'object' && source !== null) return source
  const text = `document ${JSON.stringify(id)} came without its _source: let the mappings leave it as it is`
  throw new TargetFailed('elasticsearch', text)
}
