// A read model in SQLite, kept up to date and exactly once. Run with: node examples/08-projection.ts
import assert from 'node:assert/strict'
import { defineEvents, defineProjection, event, memory, openStore, project, rebuild } from 'varve'
import { sqliteTarget } from 'varve/targets/sqlite'

const stockEvents = defineEvents({
  GoodsReceived: event<{ sku: string; quantity: number }>(),
  GoodsSold: event<{ sku: string; quantity: number }>(),
})

await using target = sqliteTarget({ path: ':memory:' })

const change = `
  insert into stock (sku, quantity) values (?, ?)
  on conflict (sku) do update set quantity = quantity + excluded.quantity`

// Handlers run in the transaction that also saves the checkpoint: after a crash both are there, or neither is.
const stock = defineProjection({
  name: 'stock',
  events: stockEvents,
  target,
  empty: (db) => {
    db.exec('drop table if exists stock')
    db.exec('create table stock (sku text primary key, quantity integer not null) strict')
  },
  on: {
    GoodsReceived: (db, { data }) => db.prepare(change).run(data.sku, data.quantity),
    GoodsSold: (db, { data }) => db.prepare(change).run(data.sku, -data.quantity),
  },
})

await using store = openStore({ engine: memory() })
const inStock = () => {
  const rows = target.readModel.prepare('select sku, quantity from stock').all()
  return Object.fromEntries(rows.map(({ sku, quantity }) => [sku, quantity]))
}
const goods = (sku: string) => store.category('Goods', stockEvents).stream(sku)

await using running = project(store, stock)
await goods('tea').append([{ type: 'GoodsReceived', data: { sku: 'tea', quantity: 10 } }])
await goods('milk').append([{ type: 'GoodsReceived', data: { sku: 'milk', quantity: 4 } }])
const { position } = await goods('tea').append([{ type: 'GoodsSold', data: { sku: 'tea', quantity: 3 } }])

// Read your own write: wait until the read model has come as far as the append.
await running.waitFor(position)
assert.deepEqual(inStock(), { tea: 7, milk: 4 })
console.log(inStock())

// The log is the truth: the read model can be built again from the first event, at any time.
await running.stop()
await rebuild(store, stock)
assert.deepEqual(inStock(), { tea: 7, milk: 4 })
console.log(`Built again from ${position} events: the same.`)
