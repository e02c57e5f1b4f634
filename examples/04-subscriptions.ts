// Follow the store live, stop, and go on where it was left. Run with: node examples/04-subscriptions.ts
import assert from 'node:assert/strict'
import { memory, openStore, type RecordedEvent } from 'varve'

await using store = openStore({ engine: memory() })

const ordersPlaced = { types: ['OrderPlaced'] }
const mailed: string[] = []

async function sendMail(event: RecordedEvent): Promise<void> {
  mailed.push(event.streamId)
  console.log(`Mail about ${event.streamId}, position ${event.position}`)
}

/** Mails until `count` mails were sent in all. Where it stands is kept in the store, under the checkpoint's name. */
async function mailUntil(count: number): Promise<void> {
  for await (const event of store.subscribe({ filter: ordersPlaced, checkpoint: 'order-mails' })) {
    await sendMail(event)
    if (mailed.length === count) break
  }
}

const place = (streamId: string) => store.append(streamId, [{ type: 'OrderPlaced', data: {} }])
await place('Order-1')
await store.append('Order-1', [{ type: 'OrderPaid', data: {} }])

// The first event is history; the second arrives while the subscription waits.
const mailing = mailUntil(2)
await place('Order-2')
await mailing
assert.deepEqual(mailed, ['Order-1', 'Order-2'])

// The loop was left during the turn of Order-2, so its turn is not over: it is delivered again. At least once.
await place('Order-3')
await mailUntil(4)
assert.deepEqual(mailed, ['Order-1', 'Order-2', 'Order-2', 'Order-3'])

// Marks tell how far the reader is, also past events that were filtered out.
for await (const item of store.subscribe({ filter: ordersPlaced, marks: true })) {
  if (item.kind !== 'caught_up') continue
  assert.equal(item.position, await store.head())
  console.log(`Caught up at position ${item.position}.`)
  break
}
