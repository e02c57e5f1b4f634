// A person asks to be forgotten; the log stays as it is. Run with: node examples/15-erasure.ts
import assert from 'node:assert/strict'
import {
  defineEvents,
  defineProjection,
  erasureEvents,
  event,
  forget,
  memoryKeys,
  memoryTarget,
  openStore,
  project,
  subjectRef,
  toEnvelope,
  withPersonalData,
} from 'varve'
import { sqlite } from 'varve/sqlite'

// What is personal is said where the event is defined: whose it is, and what is read in its place afterwards.
const customerEvents = defineEvents({
  CustomerRegistered: event<{ customerId: string; name: string; email: string | null; plan: string }>({
    personal: { subject: ({ customerId }) => customerId, fields: { name: '[erased]', email: null } },
  }),
})

await using log = openStore({ engine: sqlite({ path: ':memory:' }) })
// In production fileKeys or postgresKeys: a place that is not in the backups of the log.
await using keys = memoryKeys()
const store = withPersonalData(log, { events: customerEvents, keys })
const customers = store.category('Customer', customerEvents)

const ada = { customerId: '0198c6e2', name: 'Ada Lovelace', email: 'ada@example.org', plan: 'gold' }
await customers.stream(ada.customerId).append([{ type: 'CustomerRegistered', data: ada }])

// Whoever has the keys reads what was appended; in the log there is nothing to read.
assert.deepEqual((await customers.stream(ada.customerId).read().first())?.data, ada)
const asStored = async () => JSON.stringify((await log.readAll({ limit: 1 }).toArray()).map(toEnvelope))
const before = await asStored()
assert(!before.includes('Lovelace') && !before.includes('example.org'))

// A read model keeps rows by the subject's reference, so that it can follow.
const emails = defineProjection({
  name: 'emails',
  events: { ...customerEvents, ...erasureEvents },
  target: memoryTarget(() => new Map<string, string | null>()),
  on: {
    CustomerRegistered: (bySubject, { data }) => bySubject.set(subjectRef(data.customerId), data.email),
    SubjectForgotten: (bySubject, { data }) => bySubject.delete(data.subject),
  },
})
await using running = project(store, emails)
await running.waitFor(await store.head())
assert.equal(emails.target.readModel.size, 1)

// On the command line: varve forget 0198c6e2 --keys ./keys
const { events, streams, position } = await forget(store, { keys, subject: ada.customerId })
await running.waitFor(position)
assert.equal(emails.target.readModel.size, 0)
console.log(`${events} event in ${streams.join(', ')} is about nobody now.`)

// Facts stay, the person is gone, the log is the same byte for byte.
const read = await customers.stream(ada.customerId).read().first()
assert.deepEqual([read?.data, read?.erased], [{ ...ada, name: '[erased]', email: null }, true])
assert.equal(await asStored(), before)

// And nothing personal comes back in by accident.
const again = customers.stream(ada.customerId).append([{ type: 'CustomerRegistered', data: ada }])
await assert.rejects(again, { code: 'SUBJECT_FORGOTTEN' })
