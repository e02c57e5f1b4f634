// A decision over several views: a course with few seats, a student with few courses, invoices without a gap.
// Run with: node examples/11-decision-model.ts
import assert from 'node:assert/strict'
import { defineEvents, defineView, event, executeOver, memory, openStore } from 'varve'

await using store = openStore({ engine: memory() })

const courseEvents = defineEvents({ StudentSubscribed: event<{ student: string }>() })

// One small fold for each thing the rule speaks of, over the events that carry its tag.
const count = (tag: string) =>
  defineView({ events: courseEvents, tags: [tag], initialState: () => 0, evolve: (soFar) => soFar + 1 })

// The rule: it sees all of them at once, and its append is refused when any of them has changed meanwhile.
const subscribeStudent = (student: string, course: string) =>
  executeOver(store, {
    model: { seats: count(`course:${course}`), courses: count(`student:${student}`) },
    events: courseEvents,
    streamId: `Course-${course}`,
    decide: ({ seats, courses }) => {
      if (seats >= 3) throw new Error(`course ${course} is full`)
      if (courses >= 2) throw new Error(`student ${student} has two courses`)
      return { type: 'StudentSubscribed', data: { student }, tags: [`course:${course}`, `student:${student}`] }
    },
  })

const students = ['a', 'b', 'c', 'd', 'e', 'f']
const outcomes = await Promise.allSettled(students.map((student) => subscribeStudent(student, 'maths')))
assert.equal(outcomes.filter(({ status }) => status === 'fulfilled').length, 3)
await subscribeStudent('g', 'history')
await subscribeStudent('g', 'music')
await assert.rejects(subscribeStudent('g', 'latin'), /two courses/)

// Numbers without a gap and without a counter: the last invoice is all there is to look at.
const invoiceEvents = defineEvents({ InvoiceWritten: event<{ number: number }>() })
const lastNumber = defineView({ events: invoiceEvents, initialState: () => 0, evolve: (_, { data }) => data.number })

const writeInvoice = (order: string) =>
  executeOver(
    store,
    {
      model: { last: lastNumber },
      events: invoiceEvents,
      streamId: `Invoice-${order}`,
      decide: ({ last }) => ({ type: 'InvoiceWritten', data: { number: last + 1 } }),
    },
    { commandId: `invoice-${order}` },
  )

await Promise.all(['7', '8', '9'].map(writeInvoice))
// Sent again, a command answers with what it did.
assert.equal((await writeInvoice('8')).idempotent, true)
const numbers = await store.category('Invoice', invoiceEvents).readAll().toArray()
assert.deepEqual(
  numbers.map(({ data }) => data.number),
  [1, 2, 3],
)
console.log(`${students.length} students wanted a seat, 3 have one; ${numbers.length} invoices, numbered 1 to 3.`)
