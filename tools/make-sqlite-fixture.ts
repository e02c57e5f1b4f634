/*
 * Writes test/fixtures/sqlite-v<schema>.db and .json: a store as the schema of that number left it, and what must be read out
 * of it for ever. Run once per schema version, before it is released: `node tools/make-sqlite-fixture.ts`.
 */
import { rmSync, writeFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import type { AppendRequest } from '../store/src/engine/engine.ts'
import { systemClock } from '../store/src/engine/system-clock.ts'
import { schemaVersion } from '../store/src/engines/sqlite/migrate.ts'
import { openEngine } from '../store/src/engines/sqlite/open-engine.ts'
import type { EventToStore } from '../store/src/model/event.ts'

const path = fileURLToPath(new URL(`../test/fixtures/sqlite-v${schemaVersion}.db`, import.meta.url))

function event(n: number, fields: Partial<EventToStore> = {}): EventToStore {
  return {
    id: `0198c6e2-7f3a-7000-8000-${n.toString(16).padStart(12, '0')}`,
    streamId: `Order-${n % 4}`,
    type: ['OrderPlaced', 'OrderPaid', 'OrderShipped'][n % 3] ?? '',
    schemaVersion: 1 + (n % 2),
    contentType: 'application/json',
    data: JSON.stringify({ n, text: 'öñ😀' }),
    metadataContentType: 'application/json',
    metadata: JSON.stringify({ correlation_id: `req-${n}` }),
    tags: n % 5 === 0 ? [] : [`customer:${n % 5}`, 'tag "quoted"'],
    recordedAtMs: 1_768_471_800_000 + n,
    ...fields,
  }
}

const special: EventToStore[] = [
  event(100, { contentType: 'application/octet-stream', data: new Uint8Array([0, 255, 1, 254]) }),
  event(101, { data: 'text with \0 in it', contentType: 'text/plain', metadata: new Uint8Array([7]) }),
  event(102, { streamId: "it's:\0 a 流", type: 'Odd\0type', data: '' }),
  event(103, { streamId: '$$Order-1', type: '$metadata', data: '{"truncate_before":3}' }),
  event(104, { streamId: '$$Order-2', type: '$tombstone', data: '{}' }),
  event(105, { streamId: '$$Order-never-written', type: '$metadata', data: '{"truncate_before":2}' }),
]

rmSync(path, { force: true })
const engine = openEngine({ path, clock: systemClock, chunkEvents: 8 })
const requests = [...Array.from({ length: 30 }, (_, n) => event(n)), ...special].map(
  (one): AppendRequest => ({ events: [one], checks: [] }),
)
for (const request of requests) await engine.append([request])
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
const text = JSON.stringify(
  { events, streams },
  (_, value: unknown) => (value instanceof Uint8Array ? { base64: Buffer.from(value).toString('base64') } : value),
  2,
)
writeFileSync(path.replace(/db$/, 'json'), `${text}\n`)
