import assert from 'node:assert/strict'
import type { EventStore } from '../../event-store.ts'
import type { NewEvent } from '../../model/event.ts'
import type { Query } from '../../model/query.ts'
import type { Case, StoreCase, StoreSubject } from '../case.ts'
import { acceptedOf, decideOn, logIds, numbered, Refused } from './public.ts'

function tagged(type: string, tags: readonly string[], data: unknown = {}): NewEvent {
  return { type, data, tags }
}

function example(name: string, run: (store: EventStore) => Promise<void>): Case<StoreSubject> {
  return {
    promise: 'conditions',
    rule: 'store/worked-examples',
    name,
    needs: ['appendConditions'],
    run: ({ store }) => run(store),
  }
}

/** Promise 8 at work: consistency boundaries drawn by tags, after the examples of https://dcb.events. */
export const boundaryCases: readonly StoreCase[] = [
  {
    promise: 'conditions',
    rule: 'store/condition-failed',
    name: 'a condition that fails is CONDITION_FAILED with its positions, and nothing is written',
    needs: ['appendConditions'],
    run: async ({ store }) => {
      const first = await store.append('User-1', [tagged('Registered', ['name:eve'])])
      const condition = { failIfMatch: { tags: ['name:eve'] } }
      const late = store.append('User-2', [numbered(1)], { condition })
      await assert.rejects(late, { code: 'CONDITION_FAILED', after: 0, position: first.position, retryable: true })
      await store.append('User-2', [numbered(1)], { condition: { ...condition, after: first.position } })
      assert.equal((await logIds(store)).length, 2)
    },
  },
  example(
    'a course takes no more students than it has seats, and a student no more courses than allowed',
    async (store) => {
      const seats = 5
      const coursesPerStudent = 2
      const enrol = (course: string, student: string): Promise<void> =>
        decideOn(
          store,
          [
            { types: ['Enrolled'], tags: [course] },
            { types: ['Enrolled'], tags: [student] },
          ],
          (events) => {
            const of = (tag: string): number => events.filter((event) => event.tags.includes(tag)).length
            if (of(course) >= seats) throw new Refused('the course is full')
            if (of(student) >= coursesPerStudent) throw new Refused('the student has enough courses')
            return { streamId: `${course}-${student}`, event: tagged('Enrolled', [course, student]) }
          },
        )
      const attempts = [1, 2, 3].flatMap((course) =>
        Array.from({ length: 8 }, (_, student) => enrol(`course:${course}`, `student:${student}`)),
      )
      await acceptedOf(attempts)
      const enrolled = await store.readAll({ filter: { types: ['Enrolled'] } }).toArray()
      for (const course of [1, 2, 3]) {
        assert.ok(enrolled.filter((event) => event.tags.includes(`course:${course}`)).length <= seats)
      }
      for (let student = 0; student < 8; student++) {
        assert.ok(enrolled.filter((event) => event.tags.includes(`student:${student}`)).length <= coursesPerStudent)
      }
      assert.ok(enrolled.length >= 12, `${enrolled.length} of the 15 seats were taken`)
    },
  ),
  example('of many who claim a user name at once one gets it, and after its release another one', async (store) => {
    const claim = (user: string): Promise<void> =>
      decideOn(store, { tags: ['name:eve'] }, (events) => {
        if (events.at(-1)?.type === 'NameClaimed') throw new Refused('the name is taken')
        return { streamId: user, event: tagged('NameClaimed', ['name:eve']) }
      })
    const claims = (from: number): Promise<void>[] => Array.from({ length: 12 }, (_, n) => claim(`User-${from + n}`))
    assert.equal(await acceptedOf(claims(0)), 1)
    await store.append('User-0', [tagged('NameReleased', ['name:eve'])])
    assert.equal(await acceptedOf(claims(100)), 1)
    assert.equal((await store.readAll({ filter: { types: ['NameClaimed'] } }).toArray()).length, 2)
  }),
  example('invoice numbers have no gap and no double, however many invoices are written at once', async (store) => {
    const query: Query = { types: ['InvoiceWritten'] }
    const write = (): Promise<void> =>
      decideOn(store, query, (events) => {
        const n = events.length + 1
        return { streamId: `Invoice-${n}`, event: numbered(n, 'InvoiceWritten') }
      })
    await Promise.all(Array.from({ length: 20 }, write))
    const numbers = (await store.readAll({ filter: query }).toArray()).map((event) => (event.data as { n: number }).n)
    assert.deepEqual(
      numbers,
      Array.from({ length: 20 }, (_, index) => index + 1),
    )
  }),
  example('a token is redeemed once', async (store) => {
    await store.append('Account-1', [tagged('TokenIssued', ['token:t1'])])
    const redeem = (): Promise<void> =>
      decideOn(store, { tags: ['token:t1'] }, (events) => {
        if (events.some((event) => event.type === 'TokenRedeemed')) throw new Refused('the token was used')
        return { streamId: 'Account-1', event: tagged('TokenRedeemed', ['token:t1']) }
      })
    assert.equal(await acceptedOf(Array.from({ length: 15 }, redeem)), 1)
  }),
  example('nobody buys at a price that has changed since it was shown', async (store) => {
    const price: Query = { types: ['PriceSet'], tags: ['product:1'] }
    await store.append('Product-1', [tagged('PriceSet', ['product:1'], { cents: 100 })])
    const shown = (await store.readAll({ filter: price }).last())?.position ?? 0
    const buy = (after: number): Promise<unknown> =>
      store.append('Order-1', [tagged('Ordered', ['product:1'])], { condition: { failIfMatch: price, after } })
    await buy(shown)
    // An order is about the product too, but it changes no price.
    await buy(shown)
    const changed = await store.append('Product-1', [tagged('PriceSet', ['product:1'], { cents: 120 })])
    await assert.rejects(buy(shown), { code: 'CONDITION_FAILED' })
    await buy(changed.position)
  }),
  example('a record that is sent many times is taken once', async (store) => {
    const send = (record: number): Promise<unknown> =>
      store.append(`Import-${record}`, [tagged('RecordTaken', [`record:${record}`])], {
        condition: { failIfMatch: { tags: [`record:${record}`] } },
      })
    const settled = await Promise.allSettled(Array.from({ length: 30 }, (_, n) => send(n % 5)))
    for (const one of settled) if (one.status === 'rejected') assert.equal(one.reason.code, 'CONDITION_FAILED')
    assert.equal(settled.filter((one) => one.status === 'fulfilled').length, 5)
  }),
]
