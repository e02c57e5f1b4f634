// One KurrentDB, two programs: an older one appends with KurrentDB's own client, a new one decides and follows with Varve, and
// each sees what the other does. Run with: node examples/20-kurrentdb.ts
import assert from 'node:assert/strict'
import { jsonEvent, KurrentDBClient } from '@kurrent/kurrentdb-client'
import { openStore } from 'varve'
import { kurrentdb } from 'varve/kurrentdb'
import { serverConfig, startServer } from 'varve-server'

// In place of a KurrentDB of yours: varve serve answers its clients.
await using server = await startServer(serverConfig({ store: 'memory:', port: 0, logLevel: 'silent' }))
const url = `kurrentdb://${new URL(server.url).host}?tls=false`

// The older program knows the stream by its whole name.
const client = KurrentDBClient.connectionString(url)
const metadata = { $correlationId: 'request-1' }
await client.appendToStream('shop:Order-7', jsonEvent({ type: 'OrderPlaced', data: { totalCents: 1200 }, metadata }))

// The new one has a store in the namespace, and goes on in the same stream.
await using store = openStore({ engine: kurrentdb({ url, namespace: 'shop' }) })
const placed = await store.readStream('Order-7').first()
assert.equal(placed?.metadata.correlationId, 'request-1')

const pay = { idempotencyKey: 'payment-31', expectedVersion: placed.version }
const paid = await store.append('Order-7', [{ type: 'OrderPaid', data: { by: 'card' } }], pay)
assert.equal(paid.version, 2)

// Its answer may be lost: sent again, it is the same append, however the stream went on. KurrentDB alone would not know.
await client.appendToStream('shop:Order-7', jsonEvent({ type: 'OrderShipped', data: {} }))
assert.equal(
  (await store.append('Order-7', [{ type: 'OrderPaid', data: { by: 'card' } }], pay)).position,
  paid.position,
)

// Both read one stream and one log.
const seen: string[] = []
for await (const { event } of client.readStream('shop:Order-7')) seen.push(`${event?.revision} ${event?.type}`)
assert.deepEqual(seen, ['0 OrderPlaced', '1 OrderPaid', '2 OrderShipped'])
for await (const event of store.subscribe()) {
  console.log(event.position, event.streamId, event.version, event.type)
  if (event.type === 'OrderShipped') break
}
await client.dispose()
