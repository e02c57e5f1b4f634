import type { Client } from 'pg'
import { expect } from 'vitest'
import type { AppendRequest } from '../../store/src/engine/engine.ts'
import { createAppendCalls } from '../../store/src/engines/postgres/append.ts'
import type { NormalQueryItem } from '../../store/src/model/query.ts'
import { rare } from './large-store.ts'
import { nestedWork, type Work } from './plan.ts'

/** Tables of one row, or of one for each part, which are best read by a scan. */
const small = ['log_head', 'partitioning', 'event_parts']

/** Expects a statement to have looked at no more than that, and to have read no table from end to end. */
export function expectBounded(work: Work, { rows, pages }: { readonly rows: number; readonly pages: number }): void {
  expect(
    work.scanned.filter((table) => !small.includes(table)),
    work.statement,
  ).toEqual([])
  expect(work.rowsMax, `rows of ${work.statement}`).toBeLessThanOrEqual(rows)
  expect(work.pages, `pages of ${work.statement}`).toBeLessThanOrEqual(pages)
}

/** An item that says nothing. */
export const anything: NormalQueryItem = { types: [], tags: [], categories: [], streamPrefix: '' }

/** Filters, and the index of the one table of events that leads to what they match. */
export const filters: Readonly<Record<string, { readonly item: Partial<NormalQueryItem>; readonly index: string }>> = {
  'a type': { item: { types: ['OrderPlaced'] }, index: 'events_by_type' },
  'a type of ten events': { item: { types: [rare.type] }, index: 'events_by_type' },
  'two types': { item: { types: [rare.type, 'OrderPaid'] }, index: 'events_by_type' },
  'a category': { item: { categories: ['Order'] }, index: 'events_by_category' },
  'a category of ten events': { item: { categories: [rare.category] }, index: 'events_by_category' },
  'a tag': { item: { tags: ['customer:7'] }, index: 'event_tags_pkey' },
  'a tag of every event': { item: { tags: ['all'] }, index: 'event_tags_pkey' },
  'a tag of ten events': { item: { tags: [rare.tag] }, index: 'event_tags_pkey' },
  'a common and a rare tag': { item: { tags: ['all', rare.tag] }, index: 'event_tags_pkey' },
  'a tag and a type': { item: { tags: ['all'], types: [rare.type] }, index: 'event_tags_pkey' },
  'a prefix in a category': { item: { streamPrefix: 'Order-1234' }, index: 'events_by_category' },
  'a prefix that nothing has': { item: { streamPrefix: 'Nothing' }, index: 'events_pkey' },
  nothing: { item: { types: ['NeverHappened'] }, index: 'events_by_type' },
}

/** What conditions are judged on. */
export const conditions: Readonly<Record<string, Partial<NormalQueryItem>>> = {
  'a type': { types: ['OrderPlaced'] },
  'a type of ten events': { types: [rare.type] },
  'a type that never was': { types: ['NeverHappened'] },
  'a category': { categories: ['Order'] },
  'a category that never was': { categories: ['Nothing'] },
  'a prefix in a category': { streamPrefix: 'Order-1' },
  'a tag': { tags: ['customer:7'] },
  'a tag that never was': { tags: ['customer:none'] },
  'a common and a rare tag': { tags: ['all', rare.tag] },
  'a common tag and one that never was': { tags: ['all', 'customer:none'] },
  'a tag and a type that never was': { tags: [rare.tag], types: ['NeverHappened'] },
}

let ids = 0

/** An event to append. */
export function event(streamId: string, tags: readonly string[] = []): AppendRequest['events'][number] {
  const id = `00000000-0000-4000-8000-${String(++ids).padStart(12, '0')}`
  const json = 'application/json'
  const texts = { contentType: json, data: '{}', metadata: '{}', metadataContentType: json }
  return { id, streamId, type: 'OrderPlaced', schemaVersion: 1, tags, recordedAtMs: 1_760_000_000_000, ...texts }
}

/** Appends in a transaction that is taken back, so that every case finds the same store. */
export async function appendWork(
  client: Client,
  schema: string,
  batch: readonly AppendRequest[],
): Promise<readonly Work[]> {
  await client.query('begin')
  const { first: query } = createAppendCalls(schema, false)(batch)
  const works = await nestedWork(client, () => client.query(query.text, query.values))
  await client.query('rollback')
  return works
}
