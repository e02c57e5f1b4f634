import { deepEqual, equal, rejects } from 'node:assert/strict'
import { describe, it } from 'vitest'
import { z } from 'zod'
import { memory } from '../engines/memory/index.ts'
import type { EventStore } from '../event-store.ts'
import type { EventDefinitions } from '../model/event-definition.ts'
import { openStore } from '../open-store.ts'
import { defineEvents, event, retired } from '../schema/events.ts'
import { memoryKeys } from './memory-keys.ts'
import { subjectRef } from './subject.ts'
import { withPersonalData } from './with-personal-data.ts'

const old = defineEvents({
  Registered: event<{ id: string; fullName: string }>({
    personal: { subject: ({ id }) => id, fields: { fullName: '[erased]' } },
  }),
  Renamed: event<{ id: string; to: string }>({ personal: { subject: ({ id }) => id, fields: { to: '[erased]' } } }),
})

const today = defineEvents({
  Registered: {
    schema: z.object({ id: z.string(), name: z.string().trim(), plan: z.string().default('free') }),
    version: 2,
    upcast: { 1: ({ id, fullName }: { id: string; fullName: string }) => ({ id, name: fullName, plan: 'old' }) },
    personal: { subject: ({ id }) => id, fields: { name: '[nobody]' } },
  },
  NameChanged: event<{ id: string; name: string }>({ personal: { subject: ({ id }) => id, fields: { name: '' } } }),
  Renamed: retired<{ id: string; to: string }>({
    into: ['NameChanged'],
    upcast: ({ data }) => [{ type: 'NameChanged', data: { id: data.id, name: data.to } }],
  }),
})

async function withHistory(): Promise<{ open: (events: EventDefinitions) => EventStore; forgetAda: () => unknown }> {
  const [beneath, keys] = [openStore({ engine: memory() }), memoryKeys()]
  const open = (events: EventDefinitions): EventStore => withPersonalData(beneath, { events, keys: { ...keys } })
  const customer = open(old).category('Customer', old).stream('1')
  await customer.append([
    { type: 'Registered', data: { id: 'ada', fullName: 'Ada' } },
    { type: 'Renamed', data: { id: 'ada', to: 'Ada King' } },
  ])
  return { open, forgetAda: () => keys.destroy(subjectRef('ada')) }
}

async function dataIn(store: EventStore): Promise<readonly unknown[]> {
  const events = await store.category('Customer', today).stream('1').read().toArray()
  return events.map(({ data, erased = false }) => [data, erased])
}

describe('personal data of the past', () => {
  it('is opened before upcasters see it, also in fields and types that have other names today', async () => {
    const { open } = await withHistory()
    deepEqual(await dataIn(open(today)), [
      [{ id: 'ada', name: 'Ada', plan: 'old' }, false],
      [{ id: 'ada', name: 'Ada King' }, false],
    ])
  })

  it('has the placeholders that were declared when it was appended, upcast like everything else', async () => {
    const { open, forgetAda } = await withHistory()
    await forgetAda()
    deepEqual(await dataIn(open(today)), [
      [{ id: 'ada', name: '[erased]', plan: 'old' }, true],
      [{ id: 'ada', name: '[erased]' }, true],
    ])
  })

  it('is still opened when it is no longer marked, and what was appended before it was marked is read as it is', async () => {
    const { open } = await withHistory()
    const unmarked = defineEvents({ Registered: event<{ id: string; fullName: string }>() })
    await open(unmarked).append('Customer-2', [{ type: 'Registered', data: { id: 'bob', fullName: 'Bob' } }])
    const read = open(old)
    deepEqual((await read.readStream('Customer-2').first())?.data, { id: 'bob', fullName: 'Bob' })
    deepEqual((await open(unmarked).readStream('Customer-1').first())?.data, { id: 'ada', fullName: 'Ada' })
  })
})

describe('personal data of today', () => {
  it('is what the schema made of it, with the definitions of the category', async () => {
    const { open } = await withHistory()
    const customer = open({}).category('Customer', today).stream('1')
    await customer.append([{ type: 'Registered', data: { id: 'ada', name: ' Ada ' } }])
    const last = await open(today).readStream('Customer-1').last()
    deepEqual(last?.data, { id: 'ada', name: 'Ada', plan: 'free' })
    deepEqual(last?.tags, [`$personal:${subjectRef('ada')}`])
  })

  it('is not taken in under a type that is retired, or a version whose fields nobody declared', async () => {
    const { open } = await withHistory()
    const store = open(today)
    const data = { id: 'ada', to: 'Ada' }
    await rejects(store.append('Customer-1', [{ type: 'Renamed', data }]), { code: 'INVALID_ARGUMENT' })
    await rejects(store.append('Customer-1', [{ type: 'Registered', data }]), /known of 2 only/)
    equal(await store.head(), 2)
  })
})
