// Run by the oldest Node, with the URL of an empty schema: the driver, the engine and a subscription that is woken by it.

import { deepEqual, rejects } from 'node:assert/strict'
import { openStore } from 'varve'
import { postgres } from 'varve/postgres'

const url = process.argv[2]
if (url === undefined) throw new TypeError('Name the URL of a database.')
const store = openStore({ engine: postgres({ url }) })
const placed = { type: 'OrderPlaced', data: { total: 12 }, tags: ['customer:ada'] }

const { position } = await store.append('Order-1', [placed], { expectedVersion: 'no_stream' })
await rejects(store.append('Order-1', [placed], { expectedVersion: 0 }), { code: 'VERSION_CONFLICT', actual: 1 })
const condition = { failIfMatch: { types: ['OrderPlaced'], tags: ['customer:ada'] } }
await rejects(store.append('Order-2', [placed], { condition }), { code: 'CONDITION_FAILED' })
await store.append('Order-2', [placed], { condition: { ...condition, after: position } })

const followed: string[] = []
for await (const item of store.subscribe({ marks: true })) {
  // What comes after the mark came to a reader that had nothing left to read.
  if (item.kind === 'caught_up') await store.append('Order-3', [{ type: 'OrderPaid', data: {} }])
  if (item.kind === 'event') followed.push(`${item.event.streamId} ${item.event.type}`)
  if (followed.length === 3) break
}
deepEqual(followed, ['Order-1 OrderPlaced', 'Order-2 OrderPlaced', 'Order-3 OrderPaid'])
const read = await store.readStream('Order-1').toArray()
deepEqual(
  read.map(({ data }) => data),
  [placed.data],
)
await store.close()
