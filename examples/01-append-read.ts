// Append events to a stream and read them back. Run with: node examples/01-append-read.ts
import assert from 'node:assert/strict'
import { memory, openStore } from 'varve'

await using store = openStore({ engine: memory() })

// A stream is named by category and id. Nobody creates it: the first append does.
const placed = await store.append('Order-7', [
  { type: 'OrderPlaced', data: { customer_id: 'cust-1', total_cents: 5000 }, tags: ['customer:cust-1'] },
  { type: 'OrderPaid', data: { paid_cents: 5000 } },
])
await store.append('Order-8', [{ type: 'OrderPlaced', data: { customer_id: 'cust-2', total_cents: 900 } }])
const shipped = await store.append('Order-7', [{ type: 'OrderShipped', data: {} }])

// The version is the event's place in its stream, the position its place in the store. Both count from 1.
assert.deepEqual([placed.firstVersion, placed.version, placed.position], [1, 2, 2])
assert.deepEqual([shipped.version, shipped.position], [3, 4])

for await (const event of store.readStream('Order-7')) {
  console.log(`Order-7 version ${event.version}, position ${event.position}: ${event.type}`, event.data)
}

// Everything in the order it was committed, or what matches a filter.
const ofCustomer = await store.readAll({ filter: { tags: ['customer:cust-1'] } }).toArray()
assert.deepEqual(
  ofCustomer.map((event) => event.type),
  ['OrderPlaced'],
)
const newest = await store.readAll({ filter: { categories: ['Order'] }, direction: 'backward', limit: 1 }).first()
assert.equal(newest?.type, 'OrderShipped')
console.log(`The store holds ${await store.head()} events; the newest is ${newest.type} in ${newest.streamId}.`)
