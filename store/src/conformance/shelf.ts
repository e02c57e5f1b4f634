import assert from 'node:assert/strict'
import type { Shelf, ShelfEntry } from '../engine/engine.ts'
import { limits } from '../model/limits.ts'
import { type Payload, samePayload } from '../model/payload.ts'
import type { EngineCase } from './case.ts'
import { bytesAsText, eventFor, land } from './port.ts'

const whatever = { expectedVersion: undefined }
const at = (version: number): { readonly expectedVersion: number } => ({ expectedVersion: version })

async function textAt(shelf: Shelf, key: string): Promise<string | undefined> {
  const entry = await shelf.get(key)
  return entry && bytesAsText(entry.value)
}

async function keysOf(entries: Promise<readonly ShelfEntry[]>): Promise<string[]> {
  return (await entries).map((entry) => entry.key)
}

/** Versioned key-values beside the log. */
export const shelfCases: readonly EngineCase[] = [
  {
    promise: 'shelf',
    rule: 'shelf/put-and-get',
    name: 'an entry is absent until it is put, and then there with its version',
    run: async ({ engine: { shelf } }) => {
      assert.equal(await shelf.get('checkpoint/a'), undefined)
      assert.equal(await shelf.put('checkpoint/a', '17', whatever), 1)
      assert.equal(await shelf.put('checkpoint/a', '18', whatever), 2)
      const entry = await shelf.get('checkpoint/a')
      assert.deepEqual(
        { ...entry, value: entry && bytesAsText(entry.value) },
        { key: 'checkpoint/a', version: 2, value: '18' },
      )
    },
  },
  {
    promise: 'shelf',
    rule: 'shelf/bytes',
    name: 'values come back byte for byte, empty ones and large ones too',
    run: async ({ engine: { shelf } }) => {
      const values: readonly Payload[] = [
        Uint8Array.from({ length: 256 }, (_, byte) => byte),
        '',
        new Uint8Array(),
        'a\0b 🐘',
        'x'.repeat(300_000),
      ]
      for (const [index, value] of values.entries()) await shelf.put(`value/${index}`, value, whatever)
      for (const [index, value] of values.entries())
        assert.equal(await textAt(shelf, `value/${index}`), bytesAsText(value))
    },
  },
  {
    promise: 'shelf',
    rule: 'shelf/largest-value',
    name: 'a value of the largest allowed comes back whole',
    run: async ({ engine: { shelf } }) => {
      const value = new Uint8Array(limits.shelfValueBytes).fill(7)
      value[value.length - 1] = 8
      await shelf.put('value/largest', value, whatever)
      const entry = await shelf.get('value/largest')
      assert.ok(entry !== undefined && samePayload(entry.value, value))
    },
  },
  {
    promise: 'shelf',
    rule: 'shelf/compare-and-set',
    name: 'a put at a version is done only if the entry is at that version, 0 meaning absent',
    run: async ({ engine: { shelf } }) => {
      assert.equal(await shelf.put('lease', 'a', at(1)), 'conflict')
      assert.equal(await shelf.get('lease'), undefined)
      assert.equal(await shelf.put('lease', 'a', at(0)), 1)
      for (const version of [0, 2]) assert.equal(await shelf.put('lease', 'b', at(version)), 'conflict')
      assert.equal(await textAt(shelf, 'lease'), 'a')
      assert.equal(await shelf.put('lease', 'b', at(1)), 2)
      assert.equal(await textAt(shelf, 'lease'), 'b')
    },
  },
  {
    promise: 'shelf',
    rule: 'shelf/one-winner',
    name: 'of many who put at the same version exactly one wins, and its value is the one that is there',
    run: async ({ engine: { shelf } }) => {
      for (let version = 0; version < 5; version++) {
        const results = await Promise.all(
          Array.from({ length: 16 }, (_, who) => shelf.put('lease', `${who}`, at(version))),
        )
        const winners = [...results.keys()].filter((who) => results[who] !== 'conflict')
        assert.deepEqual(
          winners.map((who) => results[who]),
          [version + 1],
        )
        assert.equal(await textAt(shelf, 'lease'), `${winners[0]}`)
      }
    },
  },
  {
    promise: 'shelf',
    rule: 'shelf/one-winner',
    name: 'two instances on one storage never both win the same version',
    needs: ['sharedStorage'],
    run: async ({ engine, openBeside }) => {
      const other = await openBeside()
      for (let version = 0; version < 8; version++) {
        const results = await Promise.all([engine, other].map(({ shelf }) => shelf.put('lease', 'x', at(version))))
        assert.equal(results.filter((result) => result === 'conflict').length, 1)
      }
    },
  },
  {
    promise: 'shelf',
    rule: 'shelf/delete',
    name: 'a delete follows the same rule, and a deleted key begins again at 1',
    run: async ({ engine: { shelf } }) => {
      await shelf.put('lease', 'a', whatever)
      await shelf.put('lease', 'b', whatever)
      for (const version of [0, 1, 3]) assert.equal(await shelf.delete('lease', at(version)), 'conflict')
      assert.equal(await textAt(shelf, 'lease'), 'b')
      assert.equal(await shelf.delete('lease', at(2)), 'deleted')
      assert.equal(await shelf.get('lease'), undefined)
      assert.equal(await shelf.put('lease', 'c', at(0)), 1)
      assert.equal(await shelf.delete('lease', whatever), 'deleted')
    },
  },
  {
    promise: 'shelf',
    rule: 'shelf/delete',
    name: 'deleting what is absent conflicts only with an expectation that it is there',
    run: async ({ engine: { shelf } }) => {
      assert.equal(await shelf.delete('lease', whatever), 'deleted')
      assert.equal(await shelf.delete('lease', at(0)), 'deleted')
      assert.equal(await shelf.delete('lease', at(1)), 'conflict')
    },
  },
  {
    promise: 'shelf',
    rule: 'shelf/list',
    name: 'a listing has the entries of a prefix, ordered by the bytes of their keys, with values and versions',
    run: async ({ engine: { shelf } }) => {
      const keys = [
        'group/b',
        'group/a',
        'group/é',
        'group/🐘',
        'group/\uffff',
        'group/B',
        'groups',
        'Group/a',
        'group%',
      ]
      for (const key of keys) await shelf.put(key, key, whatever)
      await shelf.put('group/a', 'again', whatever)
      const expected = ['group/B', 'group/a', 'group/b', 'group/é', 'group/\uffff', 'group/🐘']
      const listed = await shelf.list({ prefix: 'group/', after: '', limit: 100 })
      assert.deepEqual(
        listed.map((entry) => entry.key),
        expected,
      )
      assert.deepEqual(
        listed.map((entry) => entry.version),
        [1, 2, 1, 1, 1, 1],
      )
      assert.equal(bytesAsText(listed[1]?.value ?? ''), 'again')
      assert.deepEqual(await keysOf(shelf.list({ prefix: 'group%', after: '', limit: 100 })), ['group%'])
      assert.equal((await shelf.list({ prefix: '', after: '', limit: 100 })).length, keys.length)
    },
  },
  {
    promise: 'shelf',
    rule: 'shelf/list-pages',
    name: 'a listing begins after the key it is given and respects its limit',
    run: async ({ engine: { shelf } }) => {
      for (const key of ['k/5', 'k/1', 'k/3', 'k/2', 'k/4']) await shelf.put(key, '', whatever)
      const listed = (after: string, limit: number): Promise<string[]> =>
        keysOf(shelf.list({ prefix: 'k/', after, limit }))
      assert.deepEqual(await listed('', 2), ['k/1', 'k/2'])
      assert.deepEqual(await listed('k/2', 2), ['k/3', 'k/4'])
      assert.deepEqual(await listed('k/30', 9), ['k/4', 'k/5'])
      assert.deepEqual(await listed('k/5', 9), [])
    },
  },
  {
    promise: 'shelf',
    rule: 'shelf/keys',
    name: 'keys are told apart by every character, up to the longest',
    run: async ({ engine: { shelf } }) => {
      const keys = [
        'a',
        'A',
        'a ',
        ' a',
        'a\0',
        'a\0b',
        'a%',
        'a_',
        "a'",
        'caf\u00e9',
        'cafe\u0301',
        '🐘',
        '__proto__',
        '流'.repeat(limits.shelfKeyChars),
        `${'流'.repeat(limits.shelfKeyChars - 1)}x`,
      ]
      for (const key of keys) assert.equal(await shelf.put(key, key, at(0)), 1, JSON.stringify(key))
      for (const key of keys) assert.equal(await textAt(shelf, key), bytesAsText(key))
    },
  },
  {
    promise: 'shelf',
    rule: 'shelf/beside-the-log',
    name: 'the shelf lies beside the log: neither sees anything of the other',
    run: async ({ engine }) => {
      await engine.shelf.put('a', '1', whatever)
      assert.equal(await engine.head(), 0)
      assert.deepEqual((await engine.streams({ prefix: '', after: '', limit: 10 })).streams, [])
      await land(engine, eventFor('a'))
      assert.deepEqual(await keysOf(engine.shelf.list({ prefix: '', after: '', limit: 10 })), ['a'])
      assert.equal((await engine.shelf.get('a'))?.version, 1)
    },
  },
]
