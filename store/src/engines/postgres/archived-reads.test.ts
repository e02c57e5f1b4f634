import { describe, expect, it } from 'vitest'
import { archivedStore, archivedTo30 } from '../../../../test/postgres/archived-store.ts'
import { onNewestPostgres } from '../../../../test/postgres/on-postgres.ts'
import type { Query } from '../../model/query.ts'

onNewestPostgres(({ cluster }) => {
  describe('a read that needs archived events', () => {
    it('is refused, and one that needs none is not', async () => {
      const { store } = await archivedStore(cluster, 31)
      const positions = async (from: number): Promise<readonly number[]> =>
        (await store.readAll({ from }).toArray()).map(({ position }) => position)
      await expect(positions(1)).rejects.toMatchObject(archivedTo30)
      await expect(positions(30)).rejects.toMatchObject(archivedTo30)
      expect(await positions(31)).toEqual(Array.from({ length: 70 }, (_, n) => n + 31))
    })

    it('is refused backward where it comes to them, after the events that are there', async () => {
      const { store } = await archivedStore(cluster, 31)
      const sources = [
        () => store.readAll({ direction: 'backward' }),
        () => store.readAll({ direction: 'backward', filter: { types: ['Placed', 'Paid'] } }),
        () => store.readAll({ direction: 'backward', filter: { tags: ['all'] } }),
        () => store.readAll({ direction: 'backward', filter: { streamPrefix: 'O' } }),
        () => store.readStream('Order-1', { direction: 'backward' }),
      ]
      for (const source of sources) {
        const seen: number[] = []
        const reading = (async () => {
          for await (const { position } of source()) seen.push(position)
        })()
        await expect(reading).rejects.toMatchObject(archivedTo30)
        expect(seen[0]).toBeGreaterThan(98)
        expect(seen.at(-1)).toBeLessThan(33)
      }
      expect(await store.readAll({ direction: 'backward', limit: 70 }).toArray()).toHaveLength(70)
      expect((await store.readStream('Order-1').last())?.position).toBe(99)
    })

    it.each<readonly [string, Query]>([
      ['a type', { types: ['Placed'] }],
      ['a type of which nothing is archived', { types: ['NeverHappened'] }],
      ['a category', { categories: ['Order'] }],
      ['a prefix', { streamPrefix: 'Order-1' }],
      ['a tag', { tags: ['tens:3'] }],
      ['a tag, or a type', [{ tags: ['tens:9'] }, { types: ['Paid'] }]],
    ])('is refused for %s, and not above them', async (_name, filter) => {
      const { store } = await archivedStore(cluster, 31)
      await expect(store.readAll({ filter }).toArray()).rejects.toMatchObject(archivedTo30)
      await expect(store.readAll({ filter, from: 30, direction: 'backward' }).toArray()).rejects.toMatchObject(
        archivedTo30,
      )
      await store.readAll({ filter, from: 31 }).toArray()
    })

    it('is answered where the tags say that no archived event is wanted', async () => {
      const { store } = await archivedStore(cluster, 31)
      for (const direction of ['forward', 'backward'] as const) {
        expect(await store.readAll({ filter: { tags: ['tens:9'] }, direction }).toArray()).toHaveLength(10)
        expect(await store.readAll({ filter: { tags: ['none'] }, direction }).toArray()).toEqual([])
      }
    })

    it('is refused for a stream from its beginning, and not from a version that is there or behind what is hidden', async () => {
      const { store } = await archivedStore(cluster, 31)
      await expect(store.readStream('Order-1').toArray()).rejects.toMatchObject(archivedTo30)
      expect(await store.readStream('Order-1', { from: 16 }).toArray()).toHaveLength(35)
      await store.truncateBefore('Order-1', 20)
      expect(await store.readStream('Order-1').toArray()).toHaveLength(31)
      expect(await store.readStream('Order-1', { direction: 'backward' }).toArray()).toHaveLength(31)
    })

    it('is refused for one event by its id, and for a subscription from the beginning', async () => {
      const { store, maintenance } = await archivedStore(cluster)
      const [event] = await store.readAll({ limit: 1 }).toArray()
      await maintenance.archive(31)
      await expect(store.readEvent(event?.id ?? '')).rejects.toMatchObject(archivedTo30)
      const following = store.subscribe()[Symbol.asyncIterator]()
      await expect(following.next()).rejects.toMatchObject(archivedTo30)
      const behind = store.subscribe({ from: 31 })[Symbol.asyncIterator]()
      expect((await behind.next()).value?.position).toBe(31)
      await behind.return?.()
    })
  })
})
