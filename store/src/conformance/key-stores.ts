import assert from 'node:assert/strict'
import type { KeyStore } from '../model/key-store.ts'
import type { RegisterTest } from './case.ts'

/** A key store, fresh and empty. */
export interface OpenedKeys {
  readonly keys: KeyStore
  /** Opens the same keys a second time, beside the first, as another process does. */
  readonly openBeside?: () => KeyStore | Promise<KeyStore>
  /** Called when the case is over and everything is closed. */
  readonly cleanUp?: () => unknown
}

/** What {@link keyStoreConformance} takes. */
export interface KeyStoreConformance {
  /** Registers one test. */
  readonly test: RegisterTest
  /** Gives an empty key store; called once for each case. */
  readonly open: () => OpenedKeys | Promise<OpenedKeys>
}

/**
 * Registers a test for every promise of a key store, as `KeyStore` states them.
 *
 * @example
 * keyStoreConformance({ test, open: () => ({ keys: memoryKeys() }) })
 */
export function keyStoreConformance({ test, open }: KeyStoreConformance): void {
  for (const [name, run] of keyStoreCases) {
    test(`keys: ${name}`, async () => {
      const { keys, openBeside, cleanUp } = await open()
      const beside = (await openBeside?.()) ?? keys
      try {
        await run(keys, beside)
      } finally {
        await Promise.all([keys.close(), beside.close()])
        await cleanUp?.()
      }
    })
  }
}

type KeyStoreCase = readonly [name: string, run: (keys: KeyStore, beside: KeyStore) => Promise<void>]

const ref = (digit: number): string => digit.toString(16).padStart(32, '0')
const key = (byte: number): Uint8Array => new Uint8Array(32).fill(byte)

async function keysIn(keys: KeyStore, subject: string): Promise<unknown> {
  const found = await keys.load(subject)
  return found instanceof Map ? Object.fromEntries([...found].map(([version, bytes]) => [version, [...bytes]])) : found
}

const plain = (...bytes: readonly (readonly [version: number, byte: number])[]): unknown =>
  Object.fromEntries(bytes.map(([version, byte]) => [version, [...key(byte)]]))

const keyStoreCases: readonly KeyStoreCase[] = [
  [
    'a subject has no key until one is added, and then that one, byte for byte, for everybody',
    async (keys, beside) => {
      assert.equal(await keys.load(ref(1)), undefined)
      const bytes = Uint8Array.from({ length: 256 }, (_, byte) => byte)
      assert.equal(await keys.add(ref(1), 1, bytes), 'added')
      assert.deepEqual(await keysIn(beside, ref(1)), { 1: [...bytes] })
      assert.equal(await keys.load(ref(2)), undefined)
    },
  ],
  [
    'a version that is taken stays as it was',
    async (keys, beside) => {
      assert.equal(await keys.add(ref(1), 1, key(1)), 'added')
      assert.equal(await beside.add(ref(1), 1, key(2)), 'taken')
      assert.equal(await beside.add(ref(1), 2, key(3)), 'added')
      assert.deepEqual(await keysIn(keys, ref(1)), plain([1, 1], [2, 3]))
    },
  ],
  [
    'of many who add the same version exactly one does, and its key is the one that is there',
    async (keys, beside) => {
      const results = await Promise.all(
        Array.from({ length: 16 }, (_, who) => (who % 2 === 0 ? keys : beside).add(ref(1), 1, key(who))),
      )
      assert.equal(results.filter((result) => result === 'added').length, 1)
      assert.deepEqual(await keysIn(keys, ref(1)), plain([1, results.indexOf('added')]))
    },
  ],
  [
    'a key is replaced where there is one, and nowhere else',
    async (keys, beside) => {
      await keys.add(ref(1), 1, key(1))
      assert.equal(await keys.replace(ref(1), 1, key(9)), 'replaced')
      assert.equal(await keys.replace(ref(1), 2, key(9)), 'absent')
      assert.equal(await keys.replace(ref(2), 1, key(9)), 'absent')
      assert.deepEqual(await keysIn(beside, ref(1)), plain([1, 9]))
      assert.equal(await beside.load(ref(2)), undefined)
    },
  ],
  [
    'a subject whose keys were destroyed is forgotten for ever, for everybody, and no other is',
    async (keys, beside) => {
      await keys.add(ref(1), 1, key(1))
      await keys.add(ref(2), 1, key(2))
      await keys.destroy(ref(1))
      await beside.destroy(ref(1))
      assert.equal(await beside.load(ref(1)), 'forgotten')
      assert.equal(await beside.add(ref(1), 1, key(3)), 'forgotten')
      assert.equal(await beside.add(ref(1), 2, key(3)), 'forgotten')
      assert.equal(await beside.replace(ref(1), 1, key(3)), 'absent')
      assert.equal(await keys.load(ref(1)), 'forgotten')
      assert.deepEqual(await keysIn(keys, ref(2)), plain([1, 2]))
    },
  ],
  [
    'a subject that never had a key can be forgotten',
    async (keys) => {
      await keys.destroy(ref(1))
      assert.equal(await keys.load(ref(1)), 'forgotten')
      assert.equal(await keys.add(ref(1), 1, key(1)), 'forgotten')
    },
  ],
  [
    'a subject is forgotten whoever adds and replaces keys at the same moment',
    async (keys, beside) => {
      for (let subject = 1; subject <= 8; subject++) {
        await keys.add(ref(subject), 1, key(1))
        await Promise.all([
          ...[2, 3, 4].map((version) => beside.add(ref(subject), version, key(version))),
          keys.destroy(ref(subject)),
          beside.replace(ref(subject), 1, key(9)),
          beside.destroy(ref(subject)),
          ...[5, 6].map((version) => keys.add(ref(subject), version, key(version))),
        ])
        assert.equal(await beside.load(ref(subject)), 'forgotten')
        assert.equal(await keys.add(ref(subject), 7, key(7)), 'forgotten')
      }
    },
  ],
  [
    'the subjects with a key are listed, and those forgotten are not',
    async (keys, beside) => {
      for (const digit of [1, 2, 3]) await keys.add(ref(digit), 1, key(digit))
      await keys.add(ref(3), 2, key(3))
      await keys.destroy(ref(2))
      const listed: string[] = []
      for await (const subject of beside.subjects()) listed.push(subject)
      assert.deepEqual(listed.sort(), [ref(1), ref(3)])
    },
  ],
  [
    'closing twice is fine',
    async (keys) => {
      await keys.close()
      await keys.close()
    },
  ],
]
