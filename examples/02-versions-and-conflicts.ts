// Two people change one order at the same time; one of them is told. Run with: node examples/02-versions-and-conflicts.ts
import assert from 'node:assert/strict'
import { isVarveError, memory, openStore } from 'varve'

await using store = openStore({ engine: memory() })

// 'no_stream' says: this must be the first event. A number says: the stream is at exactly this version.
await store.append('Order-7', [{ type: 'OrderPlaced', data: { lines: 1 } }], { expectedVersion: 'no_stream' })

// Both read the order at version 1 and decide on what they saw.
const { version } = await store.streamInfo('Order-7')
const results = await Promise.allSettled([
  store.append('Order-7', [{ type: 'LineAdded', data: { by: 'Ann' } }], { expectedVersion: version }),
  store.append('Order-7', [{ type: 'OrderClosed', data: { by: 'Bob' } }], { expectedVersion: version }),
])

const loser = results.find((result) => result.status === 'rejected')
assert.ok(loser && isVarveError(loser.reason, 'VERSION_CONFLICT'))
assert.deepEqual([loser.reason.expected, loser.reason.actual], [1, 2])
console.log(loser.reason.message)

// What was refused left no trace.
const events = await store.readStream('Order-7').toArray()
assert.equal(events.length, 2)
assert.equal(await store.head(), 2)
console.log(`The stream: ${events.map((event) => event.type).join(', ')}.`)
