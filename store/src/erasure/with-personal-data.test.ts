import { deepEqual, doesNotMatch, equal, match, rejects } from 'node:assert/strict'
import { describe, it } from 'vitest'
import { ada, customerEvents, grace, registered } from '../../../test/erasure/customers.ts'
import { onEveryEngine } from '../../../test/on-every-engine.ts'
import { memory } from '../engines/memory/index.ts'
import type { EventStore } from '../event-store.ts'
import type { KeyStore } from '../model/key-store.ts'
import { openStore } from '../open-store.ts'
import { memoryKeys } from './memory-keys.ts'
import { subjectRef } from './subject.ts'
import { withPersonalData } from './with-personal-data.ts'

const over = (beneath: EventStore, keys: KeyStore = memoryKeys()): EventStore =>
  withPersonalData(beneath, { events: customerEvents, keys })

onEveryEngine((open) => {
  it('gives what was appended to those who have the keys, and placeholders to those who have not', async () => {
    const beneath = await open()
    const customers = over(beneath).category('Customer', customerEvents)
    await customers.stream('1').append([registered(ada), { type: 'CustomerPaid', data: { cents: 5 } }])
    const read = await customers.stream('1').read().toArray()
    deepEqual(
      read.map(({ data }) => data),
      [ada, { cents: 5 }],
    )
    const [stored] = await beneath.readStream('Customer-1').toArray()
    deepEqual(
      { ...(stored?.data as object), $personal: undefined },
      {
        customerId: 'c-1',
        name: '[erased]',
        email: null,
        $personal: undefined,
      },
    )
    // With a space and a dot in it, which no sealed text has.
    doesNotMatch(String(stored?.rawData), /Ada Lovelace|example\.org/)
  })

  it('opens whichever way events are read', async () => {
    const store = over(await open())
    const metadata = { correlationId: 'req-1' }
    const { eventIds } = await store.append('Customer-1', [{ ...registered(ada), metadata, tags: ['vip'] }])
    const traced = await store.trace('req-1')
    const followed = store.subscribe({ marks: true })[Symbol.asyncIterator]()
    const plain = store.subscribe({ stream: 'Customer-1' })[Symbol.asyncIterator]()
    const item = (await followed.next()).value
    const events = [
      await store.readEvent(eventIds[0] ?? ''),
      await store.readAll({ filter: { tags: ['vip'] } }).first(),
      await store.readStream('Customer-1', { direction: 'backward' }).last(),
      traced.events[0],
      traced.roots[0]?.event,
      item.kind === 'event' ? item.event : undefined,
      (await plain.next()).value,
    ]
    await Promise.all([followed.return?.(), plain.return?.()])
    const tags = ['vip', `$personal:${subjectRef('c-1')}`]
    for (const event of events) deepEqual([event?.data, event?.tags, event?.erased], [ada, tags, undefined])
  })

  it('answers a repeated append with the first result', async () => {
    const store = over(await open())
    const first = await store.append('Customer-1', [registered(ada)], { idempotencyKey: 'req-1' })
    const again = await store.append('Customer-1', [registered(ada)], { idempotencyKey: 'req-1' })
    deepEqual(again, { ...first, idempotent: true })
  })

  it('seals the fields of two subjects of one event with their own keys', async () => {
    const [store, keys] = [await open(), memoryKeys()]
    const data = { from: 'c-1', to: 'c-2', fromName: 'Ada', toName: 'Grace' }
    await over(store, keys).appendAll([{ streamId: 'Customer-1', events: [{ type: 'MessageSent', data }] }])
    await keys.destroy(subjectRef('c-2'))
    const read = await over(store, keysOf(keys)).readStream('Customer-1').first()
    deepEqual([read?.data, read?.erased], [{ ...data, toName: '' }, true])
  })
})

/** The same keys as another process has them, which has looked up none of them yet. */
function keysOf(keys: KeyStore): KeyStore {
  return { ...keys }
}

describe('with personal data', () => {
  const store = (keys?: KeyStore): EventStore => over(openStore({ engine: memory() }), keys)

  it('keeps the order of appends, although some have to wait for a key', async () => {
    const appends = store()
    const [slow, quick] = await Promise.all([
      appends.append('Customer-1', [registered(ada)]),
      appends.append('Customer-2', [{ type: 'CustomerPaid', data: { cents: 1 } }]),
    ])
    deepEqual([slow.position, quick.position], [1, 2])
  })

  it('takes what was given at the call, whatever becomes of it afterwards', async () => {
    const appends = store()
    const data = { ...ada }
    const appended = appends.append('Customer-1', [registered(data)])
    Object.assign(data, { name: 'somebody else' })
    await appended
    deepEqual((await appends.readStream('Customer-1').first())?.data, ada)
  })

  it('gives optional fields back only where they were', async () => {
    const [beneath, keys] = [openStore({ engine: memory() }), memoryKeys()]
    await over(beneath, keys).append('Customer-2', [registered(grace)])
    await keys.destroy(subjectRef('c-2'))
    const erased = (await over(beneath, keysOf(keys)).readStream('Customer-2').first())?.data
    deepEqual(erased, { customerId: 'c-2', name: '[erased]', email: null })
  })

  it('says that a key is missing when nobody destroyed it, to readers and to writers', async () => {
    const beneath = openStore({ engine: memory() })
    await over(beneath).append('Customer-1', [registered(ada)])
    const elsewhere = over(beneath, memoryKeys())
    const lost = { code: 'KEY_MISSING', subject: subjectRef('c-1') }
    await rejects(elsewhere.readStream('Customer-1').first(), lost)
    await rejects(elsewhere.append('Customer-1', [registered(ada)]), lost)
  })

  it('refuses personal data of who is forgotten, but takes what is not personal, and repeats', async () => {
    const keys = memoryKeys()
    const beneath = openStore({ engine: memory() })
    const first = await over(beneath, keys).append('Customer-1', [registered(ada)], { idempotencyKey: 'a' })
    await keys.destroy(subjectRef('c-1'))
    const later = over(beneath, keysOf(keys))
    await rejects(later.append('Customer-1', [registered(ada)]), { code: 'SUBJECT_FORGOTTEN' })
    const again = await later.append('Customer-1', [registered(ada)], { idempotencyKey: 'a' })
    deepEqual(again, { ...first, idempotent: true })
    equal((await later.append('Customer-1', [{ type: 'CustomerPaid', data: { cents: 1 } }])).version, 2)
  })

  it.each([
    ['bytes', { type: 'CustomerRegistered', data: new Uint8Array(3) }, /is no JSON/],
    ['a list', { type: 'CustomerRegistered', data: [1] }, /no JSON object/],
    ['another schema version', { type: 'CustomerRegistered', data: ada, schemaVersion: 2 }, /known of 1 only/],
    ['no subject', { type: 'CustomerRegistered', data: { name: 'Ada' } }, /names no subject/],
    ['the mark of sealed fields', { type: 'Other', data: { $personal: [] } }, /\$personal/],
    ['an id that is none', { ...registered(ada), id: 'x' }, /is not a UUID/],
  ])('refuses %s rather than storing it in the clear', async (_, event, message) => {
    const appends = store()
    await rejects(appends.append('Customer-1', [event]), { code: 'INVALID_ARGUMENT', message })
    equal(await appends.head(), 0)
  })

  it('takes what was read and appends it anew, with the subjects it has then', async () => {
    const appends = store()
    await appends.append('Customer-1', [{ ...registered(ada), tags: ['vip'] }])
    const { type = '', tags = [] } = (await appends.readStream('Customer-1').first()) ?? {}
    await appends.append('Customer-2', [{ type, data: grace, tags }])
    const copied = await appends.readStream('Customer-2').first()
    deepEqual([copied?.data, copied?.tags], [grace, ['vip', `$personal:${subjectRef('c-2')}`]])
  })

  it('refuses fields that were put into another event', async () => {
    const [beneath, keys] = [openStore({ engine: memory() }), memoryKeys()]
    await over(beneath, keys).append('Customer-1', [registered(ada)])
    const stored = await beneath.readStream('Customer-1').first()
    const { type = '', data, tags = [] } = stored ?? {}
    await beneath.append('Customer-9', [{ type, data, tags }])
    const moved = over(beneath, keys).readStream('Customer-9').first()
    await rejects(moved, (error: Error) => {
      match(error.message, /altered, moved/)
      return true
    })
  })
})

it('appends what it was given, whatever its caller changes while keys are looked up', async () => {
  const beneath = openStore({ engine: memory() })
  const keys = memoryKeys()
  let lookUp = (): void => undefined
  const asked = new Promise<void>((resolve) => {
    lookUp = resolve
  })
  const store = over(beneath, { ...keys, load: (subject) => asked.then(() => keys.load(subject)) })
  const [paid, metadata, options] = [{ cents: 1 }, { userId: 'ada' }, { expectedVersion: 0 }]
  const appends = [
    store.append(
      'Customer-1',
      [
        { ...registered(ada), metadata },
        { type: 'CustomerPaid', data: paid },
      ],
      options,
    ),
    store.append('Customer-2', [{ type: 'CustomerPaid', data: paid, metadata }], options),
  ]
  Object.assign(paid, { cents: 2 })
  Object.assign(metadata, { userId: 'eve' })
  Object.assign(options, { expectedVersion: 7 })
  lookUp()
  await Promise.all(appends)
  const read = await beneath.readAll({ filter: { types: ['CustomerPaid'] } }).toArray()
  deepEqual(
    read.map(({ data }) => data),
    [{ cents: 1 }, { cents: 1 }],
  )
  deepEqual(
    (await beneath.readAll().toArray()).map((one) => one.metadata.userId),
    ['ada', undefined, 'ada'],
  )
})
