import { describe, expect, it } from 'vitest'
import { archivedStore } from '../../../../test/postgres/archived-store.ts'
import { onNewestPostgres } from '../../../../test/postgres/on-postgres.ts'
import { connected } from '../../../../test/postgres/role.ts'
import type { AppendCondition, Query } from '../../model/query.ts'
import { openStore } from '../../open-store.ts'
import { postgres } from './index.ts'

onNewestPostgres(({ cluster }) => {
  describe('an append to a store with an archive', () => {
    it('knows the ids and versions of archived events', async () => {
      const { store, maintenance } = await archivedStore(cluster)
      const [first, second] = await store.readAll({ limit: 2 }).toArray()
      await maintenance.archive(31)
      const [known, other] = [
        { id: first?.id ?? '', type: 'Early', data: {} },
        { id: second?.id ?? '', type: 'Paid', data: {} },
      ]
      expect(await store.append('Order-1', [known])).toMatchObject({ idempotent: true, position: 1, version: 1 })
      await expect(store.append('Order-1', [other])).rejects.toMatchObject({
        code: 'DUPLICATE_EVENT_ID',
        streamId: 'Payment-2',
      })
      await expect(store.append('Order-1', [{ type: 'A', data: {} }], { expectedVersion: 3 })).rejects.toMatchObject({
        actual: 50,
      })
    })

    it('knows the id of an archived event that a maker of ids gives once more', async () => {
      const { database, store, maintenance } = await archivedStore(cluster)
      const first = await store.readAll().first()
      await maintenance.archive(31)
      await using again = openStore({ engine: postgres({ url: database.url }), newId: () => first?.id ?? '' })
      const event = { type: 'Early', data: {} }
      expect(await again.append('Order-1', [event])).toMatchObject({ idempotent: true, position: 1, version: 1 })
      await expect(again.append('Payment-2', [event])).rejects.toMatchObject({ code: 'DUPLICATE_EVENT_ID' })
      expect(await store.head()).toBe(100)
    })

    it.each<readonly [string, Query, number, 'held' | 'failed' | 'archived']>([
      ['a tag of archived events only', { tags: ['tens:2'] }, 0, 'failed'],
      ['a tag of archived events only, after them', { tags: ['tens:2'] }, 20, 'held'],
      ['two tags that are on one archived event', { tags: ['tens:2', 'all'] }, 0, 'failed'],
      ['two tags that no event has both', { tags: ['tens:2', 'tens:3'] }, 0, 'held'],
      ['a tag that nothing has', { tags: ['none'] }, 0, 'held'],
      ['a tag and a type of archived events', { tags: ['tens:2'], types: ['NeverHappened'] }, 0, 'archived'],
      ['a tag and a type that are known not to meet', { tags: ['none'], types: ['Placed'] }, 0, 'held'],
      ['a type that is there too', { types: ['Placed'] }, 0, 'failed'],
      ['a type that may be archived', { types: ['Early'] }, 0, 'archived'],
      ['a type that may be archived, after the archive', { types: ['Early'] }, 30, 'held'],
      ['a category that is there too', { categories: ['Order'] }, 5, 'failed'],
      ['a category that may be archived', { categories: ['Claim'] }, 5, 'archived'],
      ['a prefix that may be archived', { streamPrefix: 'Cla' }, 29, 'archived'],
      ['a prefix that may be archived, after the archive', { streamPrefix: 'Cla' }, 30, 'held'],
      ['everything', 'everything', 5, 'failed'],
    ])('judges a condition on %s', async (_name, failIfMatch, after, expected) => {
      const { store, database } = await archivedStore(cluster, 31)
      const condition: AppendCondition = { failIfMatch, after }
      const client = await connected(database)
      await client.query('begin')
      const appends = [store.append('New-1', [{ type: 'New', data: {} }], { condition })]
      await Promise.allSettled(appends)
      const within = store.withTransaction(client).append('New-2', [{ type: 'New', data: {} }], {
        condition: { failIfMatch, after },
      })
      const codes = (await Promise.allSettled([...appends, within])).map((one) =>
        one.status === 'fulfilled'
          ? 'held'
          : { CONDITION_FAILED: 'failed', EVENTS_ARCHIVED: 'archived' }[one.reason.code as string],
      )
      expect(codes).toEqual([expected, expected])
      await client.query('rollback')
    })

    it('that cannot be judged does no harm to its neighbours', async () => {
      const { store } = await archivedStore(cluster, 31)
      const unknown = { condition: { failIfMatch: { types: ['Early'] }, after: 0 } }
      const appends = Array.from({ length: 6 }, (_, n) =>
        store.append(`New-${n}`, [{ type: 'New', data: {} }], n === 3 ? unknown : {}),
      )
      const statuses = (await Promise.allSettled(appends)).map(({ status }) => status)
      expect(statuses.map((status) => status === 'rejected')).toEqual([false, false, false, true, false, false])
      expect(await store.head()).toBe(105)
    })
  })
})
