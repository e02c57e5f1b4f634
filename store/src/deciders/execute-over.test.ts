import { deepEqual, equal, rejects } from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { describe, it } from 'vitest'
import { onEveryEngine } from '../../../test/on-every-engine.ts'
import type { EventStore } from '../event-store.ts'
import { defineEvents, event } from '../schema/events.ts'
import { executeOver } from './execute-over.ts'
import { defineView } from './view.ts'

const courseEvents = defineEvents({ StudentSubscribed: event<{ student: string }>() })
const invoiceEvents = defineEvents({ InvoiceWritten: event<{ number: number }>() })

const seatsTaken = (course: string) =>
  defineView({
    events: courseEvents,
    tags: [`course:${course}`],
    initialState: () => 0,
    evolve: (taken) => taken + 1,
  })

const coursesOf = (student: string) =>
  defineView({
    events: courseEvents,
    tags: [`student:${student}`],
    initialState: (): readonly string[] => [],
    evolve: (courses, { data }) => [...courses, data.student],
  })

/** A course has three seats, a student at most two courses. */
function subscription(student: string, course: string) {
  return {
    model: { seats: seatsTaken(course), courses: coursesOf(student) },
    events: courseEvents,
    streamId: `Course-${course}`,
    decide: ({ seats, courses }: { readonly seats: number; readonly courses: readonly string[] }) => {
      if (seats >= 3) throw new Error('full')
      if (courses.length >= 2) throw new Error('busy')
      const tags = [`course:${course}`, `student:${student}`]
      return { type: 'StudentSubscribed' as const, data: { student }, tags }
    },
  }
}

const lastNumber = defineView({
  events: invoiceEvents,
  initialState: () => 0,
  evolve: (_, { data }) => data.number,
})

const nextInvoice = (customer: string) => ({
  model: { last: lastNumber },
  events: invoiceEvents,
  streamId: `Invoice-${customer}`,
  decide: ({ last }: { readonly last: number }) => ({ type: 'InvoiceWritten' as const, data: { number: last + 1 } }),
})

onEveryEngine((open) => {
  describe('a decision over several streams', () => {
    it('holds for every view, whoever decides at the same time', async () => {
      const store = await open()
      const wanted = Array.from({ length: 8 }, (_, number) => executeOver(store, subscription(`s${number}`, 'maths')))
      const settled = await Promise.allSettled(wanted)
      equal(settled.filter(({ status }) => status === 'fulfilled').length, 3)
      deepEqual(
        new Set(settled.flatMap((one) => (one.status === 'rejected' ? [one.reason.message] : []))),
        new Set(['full']),
      )
    })

    it('sees the states of views that lie in other streams', async () => {
      const store = await open()
      await executeOver(store, subscription('ann', 'maths'))
      await executeOver(store, subscription('ann', 'music'))
      await rejects(executeOver(store, subscription('ann', 'latin')), /busy/)
    })

    it('counts without a gap over many streams', async () => {
      const store = await open()
      const write = (number: number) => executeOver(store, nextInvoice(`c${number % 4}`), { attemptsMax: 50 })
      await Promise.all(Array.from({ length: 20 }, (_, number) => write(number)))
      const written = await store.category('Invoice', invoiceEvents).readAll().toArray()
      deepEqual(
        written.map(({ data }) => data.number),
        Array.from({ length: 20 }, (_, index) => index + 1),
      )
    })

    it('does not mind what none of its views looks at', async () => {
      const store = await open()
      await executeOver(store, subscription('ann', 'maths'))
      await store.append('Course-maths', [
        { type: 'StudentSubscribed', data: { student: 'x' }, tags: ['course:other'] },
      ])
      const { attempts, version } = await executeOver(store, subscription('bob', 'maths'))
      deepEqual([attempts, version], [1, 3])
    })

    it('executes a command once, and answers its repeat with what it did although it would be refused by now', async () => {
      const store = await open()
      const first = await executeOver(store, nextInvoice('c1'), { commandId: 'req-1' })
      const again = await executeOver(store, nextInvoice('c1'), { commandId: 'req-1' })
      deepEqual([first.idempotent, again.idempotent, again.version, again.position], [false, true, 1, first.position])
      for (const student of ['a', 'b', 'c']) {
        await executeOver(store, subscription(student, 'art'), { commandId: `sub-${student}` })
      }
      const repeated = await executeOver(store, subscription('c', 'art'), { commandId: 'sub-c' })
      deepEqual([repeated.idempotent, repeated.version], [true, 3])
      await rejects(executeOver(store, subscription('d', 'art'), { commandId: 'sub-d' }), /full/)
    })

    it('answers a repeat with what is stored, also where it would decide for other events by now', async () => {
      const store = await open()
      const { position } = await executeOver(store, nextInvoice('c1'), { commandId: 'req-1' })
      await executeOver(store, nextInvoice('c2'), { commandId: 'req-2' })
      const again = await executeOver(store, nextInvoice('c1'), { commandId: 'req-1' })
      deepEqual([again.events.map(({ data }) => data), again.position], [[{ number: 1 }], position])
      const twoAtOnce = { type: 'InvoiceWritten' as const, data: { number: 9 } }
      const more = { ...nextInvoice('c1'), decide: () => [twoAtOnce, twoAtOnce] }
      const { events, attempts, idempotent } = await executeOver(store, more, { commandId: 'req-1' })
      deepEqual([events.map(({ data }) => data), attempts, idempotent], [[{ number: 1 }], 1, true])
      equal(await store.head(), 2)
    })

    it('executes a command once also when its events have ids of their own', async () => {
      const store = await open()
      const named = {
        ...nextInvoice('c1'),
        decide: () => ({ type: 'InvoiceWritten' as const, data: { number: 1 }, id: randomUUID() }),
      }
      const first = await executeOver(store, named, { commandId: 'req-1' })
      const again = await executeOver(store, named, { commandId: 'req-1' })
      deepEqual([again.idempotent, again.position, await store.head()], [true, first.position, 1])
    })

    it('appends nothing when there is nothing to do, and says where the stream stands', async () => {
      const store = await open()
      await executeOver(store, nextInvoice('c1'))
      const idle = await executeOver(store, { ...nextInvoice('c1'), decide: () => [] })
      deepEqual([idle.events, idle.version, idle.position, await store.head()], [[], 1, 1, 1])
    })

    it('gives up with CONDITION_FAILED when something changes at every attempt', async () => {
      const store = await open()
      const restless: EventStore = {
        ...store,
        readAll: (options) => ({
          ...store.readAll(options),
          async *[Symbol.asyncIterator]() {
            yield* store.readAll(options)
            await store.append('Invoice-x', [{ type: 'InvoiceWritten', data: { number: 0 } }])
          },
        }),
      }
      await rejects(executeOver(restless, nextInvoice('c1'), { attemptsMax: 2 }), { code: 'CONDITION_FAILED' })
    })

    it('refuses a model without views, and an event in a schema version it does not know', async () => {
      const store = await open()
      await rejects(executeOver(store, { ...nextInvoice('c1'), model: {} as never }), { code: 'INVALID_ARGUMENT' })
      for (const streamId of [undefined as never, 'Invoice', 'Invoice-', '-1']) {
        const nowhere = executeOver(store, { ...nextInvoice('c1'), streamId, decide: () => [] })
        await rejects(nowhere, { code: 'INVALID_ARGUMENT', argument: 'streamId' })
      }
      await store.append('Invoice-1', [{ type: 'InvoiceWritten', data: { number: 1 }, schemaVersion: 2 }])
      await rejects(executeOver(store, nextInvoice('c1')), { code: 'EVENT_NOT_DEFINED' })
    })
  })
})
