// Hide old events, delete a stream, close one for ever: all by appended facts. Run with: node examples/10-delete-and-truncate.ts
import assert from 'node:assert/strict'
import { memory, openStore } from 'varve'

await using store = openStore({ engine: memory() })

const visible = async (streamId: string) => (await store.readStream(streamId).toArray()).map((event) => event.version)

const entries = [1, 2, 3, 4].map((day) => ({ type: 'DayClosed', data: { day } }))
await store.append('Ledger-2026', entries)

// Truncating hides what lies before a version; it is still in the log, and subscriptions still deliver it.
await store.truncateBefore('Ledger-2026', 3)
assert.deepEqual(await visible('Ledger-2026'), [3, 4])
assert.equal((await store.readAll({ filter: { categories: ['Ledger'] } }).toArray()).length, 4)
console.log(`Truncated: reads of the stream begin at version ${(await visible('Ledger-2026'))[0]}.`)

// A deleted stream looks as if it never was, and may be written again. Its versions go on.
await store.deleteStream('Ledger-2026')
assert.deepEqual(await visible('Ledger-2026'), [])
const reopened = await store.append('Ledger-2026', [{ type: 'DayClosed', data: { day: 5 } }], {
  expectedVersion: 'no_stream',
})
assert.equal(reopened.version, 5)
assert.deepEqual(await visible('Ledger-2026'), [5])
console.log(`Deleted and written again: the new event has version ${reopened.version}.`)

// A tombstone closes the stream for ever.
await store.tombstone('Ledger-2026')
const late = store.append('Ledger-2026', [{ type: 'DayClosed', data: { day: 6 } }])
await assert.rejects(late, { code: 'STREAM_TOMBSTONED', streamId: 'Ledger-2026' })
assert.deepEqual(await visible('Ledger-2026'), [])

// Each of these was a fact, appended to the stream of facts about the stream.
const facts = await store.readStream('$$Ledger-2026').toArray()
assert.deepEqual(
  facts.map((fact) => fact.type),
  ['$metadata', '$metadata', '$tombstone'],
)
console.log(
  `Nothing was removed: the log holds ${await store.head()} events, ${facts.length} of them about the stream.`,
)
