import { expect, it } from 'vitest'
import { memory } from '../engines/memory/index.ts'
import type { NewEvent } from '../model/event.ts'
import { openStore } from '../open-store.ts'
import { Census } from './census.ts'
import { digestsNamedBy } from './mentions.ts'

const digest = '0123456789abcdef'.repeat(4)
const claim = { claim: `sha256:${digest}`, bytes: 1, contentType: 'text/plain' }
const json = 'application/json'
const escapedAll = [...JSON.stringify(claim)].map((char) => `\\u00${char.charCodeAt(0).toString(16)}`).join('')

async function namedBy(event: Partial<NewEvent>): Promise<readonly string[]> {
  await using store = openStore({ engine: memory() })
  await store.append('Doc-1', [{ type: 'Stored', data: {}, ...event }])
  const [stored] = await store.readAll().toArray()
  return stored === undefined ? [] : [...digestsNamedBy(stored)]
}

it.each<[string, Partial<NewEvent>]>([
  ['in a field', { data: { scan: claim } }],
  ['as the whole payload', { data: claim }],
  ['deep in lists', { data: { pages: [[], [{ scans: [claim, claim] }]] } }],
  ['as a key', { data: { [claim.claim]: 1 } }],
  ['in JSON quoted in JSON', { data: { inner: JSON.stringify({ inner: JSON.stringify({ claim }) }) } }],
  ['with every character escaped', { data: Buffer.from(`{"scan":"${escapedAll}"}`), contentType: json }],
  ['escaped, then quoted', { data: { inner: JSON.stringify({ inner: `"${escapedAll}"` }) } }],
  ['in a payload that is no valid JSON', { data: Buffer.from(`{"scan": ${JSON.stringify(claim)}`), contentType: json }],
  ['in a payload that is no text', { data: Buffer.concat([Buffer.of(0, 255), Buffer.from(claim.claim)]) }],
  ['in metadata', { metadata: { scan: claim } }],
  ['in metadata given as bytes', { metadata: Buffer.from(claim.claim) }],
  ['in a tag', { tags: [`scan:${claim.claim}`] }],
])('a claim counts %s', async (_, event) => {
  expect(await namedBy(event)).toEqual([digest])
})

it.each<[string, Partial<NewEvent>]>([
  ['nothing', {}],
  ['a digest of another kind', { data: { hash: `sha512:${digest}${digest}` } }],
  ['too few digits', { data: { hash: `sha256:${digest.slice(1)}` } }],
])('%s names no blob', async (_, event) => {
  expect(await namedBy(event)).toEqual([])
})

it('a census has what was added, in any number and order, and hardly anything else', () => {
  const census = new Census()
  expect(census.isEmpty).toBe(true)
  const nth = (index: number): string => (index * 2_654_435_761).toString(16).padStart(13, '0').padEnd(64, '0')
  for (let index = 0; index < 100_000; index += 2) for (const again of [index, index % 1_000]) census.add(nth(again))
  expect(census.isEmpty).toBe(false)
  for (let index = 0; index < 100_000; index++)
    if (census.has(nth(index)) !== (index % 2 === 0)) expect(index).toBe('as added')
})
