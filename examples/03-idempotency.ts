// A request is sent twice, because its answer was lost; it counts once. Run with: node examples/03-idempotency.ts
import assert from 'node:assert/strict'
import { isVarveError, memory, openStore } from 'varve'

await using store = openStore({ engine: memory() })

// With an idempotency key the event ids follow from the request, so a repeat is recognised, for ever.
const pay = () =>
  store.append('Payment-42', [{ type: 'PaymentReceived', data: { amount_cents: 1200 } }], {
    expectedVersion: 'no_stream',
    idempotencyKey: 'request-9c1f',
  })

const first = await pay()
const again = await pay()
assert.equal(first.idempotent, false)
assert.equal(again.idempotent, true)
assert.deepEqual({ ...again, idempotent: false }, first)
assert.equal(await store.head(), 1)
console.log(`Sent twice, stored once: version ${again.version}, position ${again.position}.`)

// Callers with ids of their own get the same: an id is unique in the whole store.
const id = '0198c6e2-5b1a-7c3e-8f00-3d1f2a4b5c6d'
await store.append('Payment-43', [{ id, type: 'PaymentReceived', data: { amount_cents: 300 } }])
const repeated = await store.append('Payment-43', [{ id, type: 'PaymentReceived', data: { amount_cents: 300 } }])
assert.equal(repeated.idempotent, true)

// The same id in another stream is no repeat but a mistake, and says so.
const elsewhere = store.append('Payment-44', [{ id, type: 'PaymentReceived', data: { amount_cents: 300 } }])
await assert.rejects(elsewhere, (error) => {
  assert.ok(isVarveError(error, 'DUPLICATE_EVENT_ID'))
  assert.equal(error.streamId, 'Payment-43')
  console.log(error.message)
  return true
})
assert.equal(await store.head(), 2)
