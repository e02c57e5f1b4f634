import { deepEqual, equal, rejects } from 'node:assert/strict'
import { describe, it } from 'vitest'
import type { Capabilities } from '../engine/capabilities.ts'
import { memory } from '../engines/memory/index.ts'
import type { EventStore } from '../event-store.ts'
import { openStore } from '../open-store.ts'

function storeWithout(capability: 'appendConditions' | 'multiStreamAppends'): EventStore {
  const engine = memory()
  const capabilities: Capabilities = { ...engine.capabilities, [capability]: false }
  return openStore({ engine: { ...engine, capabilities } })
}

it.each([
  ['appendConditions', { condition: { failIfMatch: { types: ['Paid'] } } }],
  ['multiStreamAppends', {}],
] as const)('what an engine lacks is refused by its name in the capabilities: %s', async (capability, options) => {
  const writes = ['A', 'B'].slice(0, capability === 'multiStreamAppends' ? 2 : 1)
  const asked = storeWithout(capability).appendAll(
    writes.map((streamId) => ({ streamId, events: [paid] })),
    options,
  )
  await rejects(asked, { code: 'NOT_SUPPORTED', capability })
})

const paid = { type: 'Paid', data: {} }

describe('an engine that appends to one stream at a time', () => {
  it.each([
    ['writes two streams', [paid], undefined],
    ['writes one and only checks the other', [], 0],
  ])('is not asked for an append that %s', async (_, events, expectedVersion) => {
    const store = storeWithout('multiStreamAppends')
    const other = { streamId: 'B', events, ...(expectedVersion !== undefined && { expectedVersion }) }
    await rejects(store.appendAll([{ streamId: 'A', events: [paid] }, other]), { code: 'NOT_SUPPORTED' })
    equal(await store.head(), 0)
  })

  it('takes an append that checks the stream it writes', async () => {
    const store = storeWithout('multiStreamAppends')
    const { streams } = await store.appendAll([{ streamId: 'A', events: [paid], expectedVersion: 'no_stream' }])
    deepEqual(streams, [{ streamId: 'A', firstVersion: 1, version: 1 }])
  })
})
