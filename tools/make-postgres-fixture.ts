/*
 * Writes test/fixtures/postgres-v1.sql and .json: a store as the schema of the first release left it, as plain SQL that any
 * driver can run, and what must be read out of it for ever. Run before a release that changes the schema, under a new number:
 * `node tools/make-postgres-fixture.ts`. Needs pg_dump of PostgreSQL 15, as on Debian: what it writes newer servers read.
 */
import { execFileSync } from 'node:child_process'
import { readFileSync, writeFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { postgres } from '../store/src/engines/postgres/index.ts'
import type { EventToStore } from '../store/src/model/event.ts'
import { startCluster } from '../test/postgres/cluster.ts'

const path = (name: string): string => fileURLToPath(new URL(`../test/fixtures/${name}`, import.meta.url))

// The events of the other fixture: odd names, bytes, facts that truncate and close.
const { events: toStore } = JSON.parse(readFileSync(path('sqlite-v1.json'), 'utf8'), (_, value: { base64?: string }) =>
  typeof value?.base64 === 'string' ? new Uint8Array(Buffer.from(value.base64, 'base64')) : value,
) as { readonly events: readonly EventToStore[] }

await using cluster = await startCluster({ major: 15 })
const pgDump = cluster.tool('pg_dump')
if (pgDump === undefined) throw new Error('There is no pg_dump beside PostgreSQL 15.')
const engine = postgres({ url: cluster.url })
for (const event of toStore) await engine.append([{ events: [event], checks: [] }])
await engine.shelf.put('checkpoint/mails', '{"position":12}', { expectedVersion: 0 })
await engine.shelf.put('checkpoint/mails', '{"position":30}', { expectedVersion: 1 })
const { events } = await engine.read({
  source: { query: 'everything' },
  direction: 'forward',
  from: 1,
  limit: 1_000,
  maxBytes: 1e6,
})
const { streams } = await engine.streams({ prefix: '', after: '', limit: 100 })
await engine.close()

const dump = execFileSync(pgDump, ['--schema', 'varve', '--inserts', '--no-owner', cluster.url], { encoding: 'utf8' })
// Lines for psql itself, and the version that wrote the dump, are of no use to a driver.
writeFileSync(path('postgres-v1.sql'), dump.replaceAll(/^(\\|-- Dumped ).*\n/gm, ''))
const text = JSON.stringify(
  { events, streams },
  (_, value: unknown) => (value instanceof Uint8Array ? { base64: Buffer.from(value).toString('base64') } : value),
  2,
)
writeFileSync(path('postgres-v1.json'), `${text}\n`)
