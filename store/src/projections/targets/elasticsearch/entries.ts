import type { TargetEntry } from '../../../model/target.ts'
import { TargetUnavailable } from '../../../model/target-errors.ts'
import { stored } from './bulk.ts'
import type { Link } from './link.ts'

/** Ids on a page of a listing, and documents that are asked for at once. */
const pageIds = 1_000
const keepAlive = '1m'

/** All documents of an index. The ids of all of them are held in memory meanwhile. */
export async function* entriesOf({ ask }: Link, index: string): AsyncGenerator<TargetEntry> {
  const ids = (await idsOf(ask, index)).map((id) => ({ id, bytes: Buffer.from(id) }))
  ids.sort((a, b) => Buffer.compare(a.bytes, b.bytes))
  for (let first = 0; first < ids.length; first += pageIds) {
    const page = ids.slice(first, first + pageIds).map(({ id }) => id)
    const documents = await stored(ask, index, page)
    for (const id of page) {
      const found = documents.get(id)
      if (found !== undefined) yield { key: id, value: canonicalText(found.document) }
    }
  }
}

interface Page {
  readonly _shards?: { readonly failed?: number }
  readonly _scroll_id?: string
  readonly hits: { readonly hits: readonly { readonly _id: string }[] }
}

/** By a scroll, which both servers have; what is written meanwhile is no part of it. */
async function idsOf(ask: Link['ask'], index: string): Promise<readonly string[]> {
  const path = `/${encodeURIComponent(index)}`
  await ask({ method: 'POST', path: `${path}/_refresh` })
  const ids: string[] = []
  const body = { size: pageIds, _source: false, sort: ['_doc'] }
  const first = await ask({ method: 'POST', path: `${path}/_search`, query: { scroll: keepAlive }, body })
  let page = whole(first.body)
  try {
    while (page.hits.hits.length > 0) {
      ids.push(...page.hits.hits.map(({ _id }) => _id))
      const next = { scroll: keepAlive, scroll_id: page._scroll_id }
      page = whole((await ask({ method: 'POST', path: '/_search/scroll', body: next })).body)
    }
  } finally {
    await ask({ method: 'DELETE', path: '/_search/scroll', body: { scroll_id: page._scroll_id } }, 404)
  }
  return ids
}

/** The server gives what it has, also where shards are away. */
function whole(answer: unknown): Page {
  const page = answer as Page
  const failed = page._shards?.failed ?? 0
  if (failed > 0) throw new TargetUnavailable('elasticsearch', `${failed} shards did not answer`)
  return page
}

/** The same text for the same document, whatever order its fields came in. */
function canonicalText(value: unknown): string {
  return JSON.stringify(value, (_, part: unknown) =>
    typeof part === 'object' && part !== null && !Array.isArray(part)
      ? Object.fromEntries(Object.entries(part).sort(([a], [b]) => (a < b ? -1 : 1)))
      : part,
  )
}
