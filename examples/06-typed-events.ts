// Define events once; every append and read is typed and checked from there. Run with: node examples/06-typed-events.ts
import assert from 'node:assert/strict'
import { defineEvents, event, isVarveError, memory, openStore } from 'varve'
import { z } from 'zod'

// A validator of any library that speaks Standard Schema, with a version where the shape has changed, or a bare type.
const orderEvents = defineEvents({
  OrderPlaced: z.object({ customer_id: z.string(), total_cents: z.int(), currency: z.string().default('EUR') }),
  OrderPaid: { schema: z.object({ paid_cents: z.int().positive() }), version: 2 },
  OrderCancelled: event<{ reason: string }>(),
})

await using store = openStore({ engine: memory() })
const orders = store.category('Order', orderEvents)

await orders.stream('7').append([{ type: 'OrderPlaced', data: { customer_id: 'cust-1', total_cents: 1200 } }])
await orders.stream('7').append([{ type: 'OrderPaid', data: { paid_cents: 1200 } }], { expectedVersion: 1 })
await orders.stream('8').append([{ type: 'OrderCancelled', data: { reason: 'out of stock' } }])

// What is read is a union over `type`: each case knows its payload. Defaults of the schema are stored with the event.
for await (const recorded of orders.readAll()) {
  switch (recorded.type) {
    case 'OrderPlaced':
      assert.equal(recorded.data.currency, 'EUR')
      console.log(`${recorded.streamId} placed: ${recorded.data.total_cents} cents`)
      break
    case 'OrderPaid':
      assert.equal(recorded.schemaVersion, 2)
      console.log(`${recorded.streamId} paid: ${recorded.data.paid_cents} cents`)
      break
    case 'OrderCancelled':
      console.log(`${recorded.streamId} cancelled: ${recorded.data.reason}`)
  }
}

// An event of another type does not compile. A payload that does not fit is refused before anything is sent.
// @ts-expect-error: there is no OrderShipped
const unknownType = orders.stream('7').append([{ type: 'OrderShipped', data: {} }])
await assert.rejects(unknownType)
const misfit = orders.stream('7').append([{ type: 'OrderPaid', data: { paid_cents: -5 } }])
await assert.rejects(misfit, (error) => {
  assert.ok(isVarveError(error, 'PAYLOAD_INVALID'))
  assert.equal(error.issues[0]?.path, 'paid_cents')
  console.log(error.message)
  return true
})
assert.equal(await store.head(), 3)
