import { deepEqual, equal, rejects, throws } from 'node:assert/strict'
import { describe, it, test } from 'vitest'
import { ada, customerEvents, registered } from '../../../test/erasure/customers.ts'
import { keyStoreConformance } from '../conformance/index.ts'
import { systemClock } from '../engine/system-clock.ts'
import { memory } from '../engines/memory/index.ts'
import type { KeyStore } from '../model/key-store.ts'
import { openStore } from '../open-store.ts'
import { forget } from './forget.ts'
import { memoryKeys } from './memory-keys.ts'
import { rotateKey } from './rotate-key.ts'
import { subjectRef } from './subject.ts'
import { withPersonalData } from './with-personal-data.ts'
import { masterKey, rewrapKeys, wrappedKeys } from './wrapped-keys.ts'

const [older, newer] = [new Uint8Array(32).fill(1), new Uint8Array(32).fill(2)]
const ref = subjectRef('c-1')

describe('wrapped', () =>
  keyStoreConformance({ test, open: () => ({ keys: wrappedKeys(memoryKeys(), masterKey(older)) }) }))

async function versionsIn(keys: KeyStore): Promise<readonly number[]> {
  const found = await keys.load(ref)
  return found instanceof Map ? [...found.keys()] : []
}

describe('wrapped keys', () => {
  it('are nothing without what unwraps them', async () => {
    const beneath = memoryKeys()
    await wrappedKeys(beneath, masterKey(older)).add(ref, 1, new Uint8Array(32).fill(9))
    await rejects(wrappedKeys(beneath, masterKey(newer)).load(ref), { code: 'KEY_STORE_FAILED' })
    const store = withPersonalData(openStore({ engine: memory() }), { events: customerEvents, keys: beneath })
    await rejects(store.append('Customer-1', [registered(ada)]), { code: 'KEY_STORE_FAILED', message: /wrappedKeys/ })
  })

  it('cannot be put in the place of another', async () => {
    const beneath = memoryKeys()
    await wrappedKeys(beneath, masterKey(older)).add(ref, 1, new Uint8Array(32).fill(9))
    const found = await beneath.load(ref)
    const stolen = found instanceof Map ? found.get(1) : undefined
    await beneath.add(subjectRef('c-2'), 1, stolen)
    await rejects(wrappedKeys(beneath, masterKey(older)).load(subjectRef('c-2')), { code: 'KEY_STORE_FAILED' })
  })

  it('are destroyed although nobody can unwrap them', async () => {
    const beneath = memoryKeys()
    await wrappedKeys(beneath, masterKey(older)).add(ref, 1, new Uint8Array(32).fill(9))
    const clock = { ...systemClock, sleep: async () => undefined }
    const keys = wrappedKeys(beneath, masterKey(newer))
    equal((await forget(openStore({ engine: memory() }), { keys, subject: 'c-1' }, { clock })).status, 'forgotten')
    equal(await beneath.load(ref), 'forgotten')
  })

  it('are wrapped anew when the wrapping key changes, and then need the old one no longer', async () => {
    const beneath = memoryKeys()
    const key = new Uint8Array(32).fill(9)
    await wrappedKeys(beneath, masterKey(older)).add(ref, 1, key)
    equal(await rewrapKeys(beneath, masterKey(newer, older)), 1)
    const found = await wrappedKeys(beneath, masterKey(newer)).load(ref)
    deepEqual(found instanceof Map ? [...(found.get(1) ?? [])] : found, [...key])
  })

  it('need a master key of 32 bytes', () => {
    throws(() => masterKey(new Uint8Array(16)), { code: 'INVALID_ARGUMENT' })
  })
})

describe('a subject whose key was rotated', () => {
  it('is sealed with the new key, and what was sealed before is still read', async () => {
    const [beneath, keys] = [openStore({ engine: memory() }), memoryKeys()]
    const open = () => withPersonalData(beneath, { events: customerEvents, keys: { ...keys } })
    const reader = open()
    await reader.append('Customer-1', [registered(ada)])
    equal(await rotateKey(keys, 'c-1'), 2)
    await open().append('Customer-1', [registered({ ...ada, name: 'Ada King' })])
    const read = await reader.readStream('Customer-1').toArray()
    deepEqual(
      read.map(({ data }) => (data as { name: string }).name),
      [ada.name, 'Ada King'],
    )
    const sealedWith = (await beneath.readStream('Customer-1').toArray()).map(
      ({ data }) => (data as { $personal: { key: number }[] }).$personal[0]?.key,
    )
    deepEqual(sealedWith, [1, 2])
  })

  it('gets one version for each who asks, and none once it is forgotten', async () => {
    const keys = memoryKeys()
    await rejects(rotateKey(keys, 'c-1'), { code: 'INVALID_ARGUMENT' })
    await keys.add(ref, 1, new Uint8Array(32))
    deepEqual((await Promise.all([1, 2, 3].map(() => rotateKey(keys, 'c-1')))).sort(), [2, 3, 4])
    deepEqual(await versionsIn(keys), [1, 2, 3, 4])
    await keys.destroy(ref)
    await rejects(rotateKey(keys, 'c-1'), { code: 'SUBJECT_FORGOTTEN' })
  })
})
