// Money moves between two accounts in one append, or not at all. Run with: node examples/09-transfer.ts
import assert from 'node:assert/strict'
import { type EventStore, memory, openStore } from 'varve'

await using store = openStore({ engine: memory() })

async function balance(events: EventStore, account: string): Promise<{ cents: number; version: number }> {
  let cents = 0
  let version = 0
  for await (const event of events.readStream(`Account-${account}`)) {
    const amount = (event.data as { cents: number }).cents
    cents += event.type === 'MoneySent' ? -amount : amount
    version = event.version
  }
  return { cents, version }
}

async function transfer(from: string, to: string, cents: number): Promise<void> {
  const sender = await balance(store, from)
  if (sender.cents < cents) throw new Error(`account ${from} has only ${sender.cents} cents`)
  // The sender's version guards the decision. The receiver may change meanwhile: more money is never too much.
  await store.appendAll([
    { streamId: `Account-${from}`, events: [{ type: 'MoneySent', data: { cents } }], expectedVersion: sender.version },
    { streamId: `Account-${to}`, events: [{ type: 'MoneyReceived', data: { cents } }] },
  ])
}

await store.append('Account-ann', [{ type: 'MoneyReceived', data: { cents: 1000 } }])
await transfer('ann', 'bob', 400)
await assert.rejects(transfer('ann', 'bob', 700), /only 600 cents/)

// Two transfers decide on the same balance. Either would be fine; both would overdraw, so one is refused, wholly.
const both = await Promise.allSettled([transfer('ann', 'bob', 500), transfer('ann', 'cem', 500)])
const refused = both.find((result) => result.status === 'rejected')
assert.equal(refused?.reason.code, 'VERSION_CONFLICT')

const accounts = await Promise.all(['ann', 'bob', 'cem'].map((account) => balance(store, account)))
const total = accounts.reduce((sum, account) => sum + account.cents, 0)
assert.equal(accounts[0]?.cents, 100)
assert.equal(total, 1000)
console.log(`Ann ${accounts[0]?.cents}, Bob ${accounts[1]?.cents}, Cem ${accounts[2]?.cents}: ${total} cents in all.`)
