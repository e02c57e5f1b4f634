import assert from 'node:assert/strict'
import { limits } from '../../model/limits.ts'
import type { StoreCase } from '../case.ts'
import { logIds, numbered } from './public.ts'

/** Values beside the log, for what is not a fact. */
export const shelfStoreCases: readonly StoreCase[] = [
  {
    promise: 'shelf',
    rule: 'store/shelf-values',
    name: 'the shelf gives back what was put, with its version, under keys of any characters',
    run: async ({ store }) => {
      const value = { text: 'ä\u0000\u2028', list: [1, null, true], nested: { __proto__: null, 'a.b': -0.5 } }
      for (const key of ['plain', 'with/slash', 'with space?#%2F', 'ключ', '..a', 'a'.repeat(500)]) {
        assert.equal(await store.shelf.put(key, value), 1)
        assert.deepEqual(await store.shelf.get(key), { key, value: JSON.parse(JSON.stringify(value)), version: 1 })
        assert.equal(await store.shelf.put(key, null), 2)
        assert.deepEqual(await store.shelf.get(key), { key, value: null, version: 2 })
      }
      assert.equal(await store.shelf.get('never put'), undefined)
    },
  },
  {
    promise: 'shelf',
    rule: 'store/shelf-versions',
    name: 'of many that expect one version of an entry of the shelf one wins, and the others are told',
    run: async ({ store }) => {
      for (const expectedVersion of [0, 1]) {
        const puts = Array.from({ length: 8 }, (_, n) => store.shelf.put('lease', { owner: n }, { expectedVersion }))
        const settled = await Promise.allSettled(puts)
        assert.deepEqual(
          settled.flatMap((one) => (one.status === 'fulfilled' ? [one.value] : [])),
          [expectedVersion + 1],
        )
      }
      const stale = { expectedVersion: 1 }
      const refusal = { code: 'SHELF_CONFLICT', key: 'lease', expected: 1, retryable: true }
      await assert.rejects(store.shelf.put('lease', {}, stale), refusal)
      await assert.rejects(store.shelf.delete('lease', stale), refusal)
      await store.shelf.delete('lease', { expectedVersion: 2 })
      await store.shelf.delete('lease')
      assert.equal(await store.shelf.put('lease', {}, { expectedVersion: 0 }), 1)
    },
  },
  {
    promise: 'shelf',
    rule: 'store/shelf-list',
    name: 'the shelf is listed by prefix, in order and in pages, without what the store keeps for itself',
    run: async ({ store }) => {
      await store.checkpoints.save('mine', 7)
      const keys = Array.from({ length: limits.shelfPageEntries + 3 }, (_, n) => `a/${String(n).padStart(3, '0')}`)
      for (const key of ['b', ...keys, '😀', '\uffee', 'checkpoint/mine']) await store.shelf.put(key, { key })
      assert.deepEqual(await keysOf(store.shelf.list({ prefix: 'a/' })), keys)
      assert.deepEqual(await keysOf(store.shelf.list({ prefix: 'a/', after: 'a/001', limit: 2 })), ['a/002', 'a/003'])
      assert.deepEqual(await keysOf(store.shelf.list()), [...keys, 'b', 'checkpoint/mine', '\uffee', '😀'])
      assert.equal((await store.checkpoints.load('mine'))?.position, 7)
      assert.deepEqual(await keysOf(store.shelf.list({ prefix: 'c', after: 'd' })), [])
    },
  },
  {
    promise: 'shelf',
    rule: 'store/shelf-refusals',
    name: 'the shelf refuses what it cannot keep, and keeps what it had',
    run: async ({ store }) => {
      await store.shelf.put('kept', 1)
      await assert.rejects(store.shelf.put('', 1), { code: 'INVALID_ARGUMENT', argument: 'key' })
      await assert.rejects(store.shelf.put('\ud800', 1), { code: 'INVALID_ARGUMENT', argument: 'key' })
      await assert.rejects(store.shelf.get('a'.repeat(513)), { code: 'LIMIT_EXCEEDED', limit: 'shelfKeyChars' })
      await assert.rejects(store.shelf.put('kept', undefined), { code: 'INVALID_ARGUMENT', argument: 'value' })
      await assert.rejects(store.shelf.put('kept', 1n), { code: 'INVALID_ARGUMENT', argument: 'value' })
      const large = 'x'.repeat(limits.shelfValueBytes)
      await assert.rejects(store.shelf.put('kept', large), { code: 'LIMIT_EXCEEDED', limit: 'shelfValueBytes' })
      const expectedVersion = -1
      await assert.rejects(store.shelf.put('kept', 2, { expectedVersion }), { code: 'INVALID_ARGUMENT' })
      await assert.rejects(store.shelf.delete('kept', { expectedVersion }), { code: 'INVALID_ARGUMENT' })
      assert.deepEqual(await store.shelf.get('kept'), { key: 'kept', value: 1, version: 1 })
    },
  },
  {
    promise: 'shelf',
    rule: 'store/shelf-durable',
    name: 'the shelf is as it was after a reopen, and never in the log',
    needs: ['durable'],
    run: async ({ store, reopen }) => {
      await store.append('Order-1', [numbered(1)])
      await store.shelf.put('gone', 1)
      await store.shelf.put('kept', { n: 1 })
      await store.shelf.delete('gone')
      await store.close()
      const again = await reopen()
      assert.deepEqual(await again.shelf.list().toArray(), [{ key: 'kept', value: { n: 1 }, version: 1 }])
      assert.equal((await logIds(again)).length, 1)
    },
  },
]

async function keysOf(items: AsyncIterable<{ readonly key: string }>): Promise<string[]> {
  const keys: string[] = []
  for await (const { key } of items) keys.push(key)
  return keys
}
