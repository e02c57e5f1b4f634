// Mails for orders, by three workers that share them: one address fails and is tried again, one is hopeless and is put
// aside, and what belongs to one order stays in its order. Run with: node examples/18-consumer-group.ts
import assert from 'node:assert/strict'
import { consume, createGroup, type Delivery, groupInfo, memory, openStore, parkedEvents, replayParked } from 'varve'

await using store = openStore({ engine: memory() })

// The store keeps the place of the group. Events of one order are handled one after the other, orders side by side.
await createGroup(store, 'mailer', {
  filter: { categories: ['Order'] },
  strategy: 'pinned',
  retriesMax: 2,
  retryDelayMs: 5,
})

for (const order of ['1', '2', '3', '4']) {
  await store.append(`Order-${order}`, [
    { type: 'OrderPlaced', data: { to: order === '4' ? 'nobody' : `customer-${order}` } },
    { type: 'OrderShipped', data: { to: `customer-${order}` } },
  ])
}

// A mail server that takes an idempotency key: an event that is delivered twice is one mail.
const mails = new Map<string, string>()
let isBusy = true
function send(id: string, to: string, text: string): void {
  if (to === 'nobody') throw new Error('no such address')
  if (to === 'customer-2' && isBusy) {
    isBusy = false
    throw new Error('mail server is busy')
  }
  mails.set(id, `${to}: ${text}`)
}

async function handle(delivery: Delivery): Promise<void> {
  const { event } = delivery
  try {
    await delivery.run(async () => send(event.id, (event.data as { to: string }).to, event.type))
  } catch (error) {
    return delivery.nack('retry', { reason: (error as Error).message })
  }
  await delivery.ack()
}

// Three workers; in production most likely in three programs.
const done = new AbortController()
async function work(name: string): Promise<void> {
  for await (const delivery of consume(store, 'mailer', { name, signal: done.signal })) await handle(delivery)
}
const workers = Promise.allSettled(['ann', 'bob', 'cid'].map(work))

/** Waits until everything is finished or put aside. */
async function finished(): Promise<void> {
  while ((await groupInfo(store, 'mailer')).lagEvents > 0) await new Promise((resolve) => setTimeout(resolve, 5))
}

await finished()
const ofOrder = (customer: string): string[] => [...mails.values()].filter((mail) => mail.startsWith(customer))
assert.deepEqual(ofOrder('customer-2'), ['customer-2: OrderPlaced', 'customer-2: OrderShipped'])
assert.equal(mails.size, 7)

const parked = await parkedEvents(store, 'mailer').toArray()
for (const { position, streamId, reason, attempts } of parked) {
  console.log(`Put aside: ${streamId} at ${position}, after ${attempts} attempts: ${reason}.`)
}
assert.equal(parked.length, 1)

// The address was mended somewhere else; here the event is tried again, and put aside again.
await replayParked(store, 'mailer', { positions: parked.map(({ position }) => position) })
while ((await groupInfo(store, 'mailer')).parked === 0) await new Promise((resolve) => setTimeout(resolve, 5))

done.abort()
await workers
const { acked, checkpoint } = await groupInfo(store, 'mailer')
console.log(`${acked} mails sent; everything up to ${checkpoint} is finished.`)
