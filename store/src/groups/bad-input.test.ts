import { rejects, throws } from 'node:assert/strict'
import { describe, it } from 'vitest'
import { take, write } from '../../../test/groups/letters.ts'
import { memory } from '../engines/memory/index.ts'
import { limits } from '../model/limits.ts'
import { openStore } from '../open-store.ts'
import { type CreateGroupOptions, createGroup, stopGroup, updateGroup } from './admin.ts'
import { type ConsumeOptions, consume } from './consume.ts'
import { type ParkedChoice, parkedEvents, replayParked } from './replay-parked.ts'

describe('consumer groups refuse', () => {
  const open = () => openStore({ engine: memory() })

  const names: Readonly<Record<string, unknown>> = {
    'no text': 7,
    nothing: '',
    'half a character': '\ud800',
    dots: '..',
  }
  for (const [what, name] of Object.entries(names)) {
    it(`${what} as a name`, async () => {
      const bad = { code: 'INVALID_ARGUMENT', argument: 'group' } as const
      await rejects(createGroup(open(), name as string), bad)
      throws(() => consume(open(), name as string), bad)
    })
  }

  it('a name too long for a key', async () => {
    await rejects(createGroup(open(), 'x'.repeat(401)), { code: 'LIMIT_EXCEEDED', limit: 'groupNameChars' })
  })

  const settings: readonly (readonly [string, unknown])[] = [
    ['strategy', 'random'],
    ['pinnedBy', 'tag:'],
    ['messageTimeoutMs', 0],
    ['retriesMax', -1],
    ['retryDelayMs', 1.5],
    ['memberTimeoutMs', 99],
    ['inFlightMax', '5'],
    ['bufferEvents', 0],
    ['checkpointMs', 60_001],
    ['from', -1],
  ]
  for (const [argument, value] of settings) {
    it(`${JSON.stringify(value)} as ${argument}`, async () => {
      const options = { [argument]: value } as CreateGroupOptions
      await rejects(createGroup(open(), 'mailer', options), { code: 'INVALID_ARGUMENT', argument })
    })
  }

  const bounds = { retriesMax: 'groupRetries', inFlightMax: 'groupInFlight', bufferEvents: 'consumerEvents' } as const
  for (const [argument, limit] of Object.entries(bounds)) {
    it(`${argument} above limits.${limit}`, async () => {
      const options = { [argument]: limits[limit] + 1 }
      await rejects(createGroup(open(), 'mailer', options), { code: 'LIMIT_EXCEEDED', limit })
    })
  }

  it('a filter together with a stream, and one that is too long to be stored with each write', async () => {
    const both = createGroup(open(), 'mailer', { stream: 'A-1', filter: { types: ['B'] } })
    await rejects(both, { code: 'INVALID_ARGUMENT', argument: 'filter' })
    const types = Array.from({ length: 100 }, (_, index) => String(index).padStart(1_000, 'x'))
    const long = createGroup(open(), 'mailer', { filter: { types } })
    await rejects(long, { code: 'LIMIT_EXCEEDED', limit: 'groupSettingsBytes' })
  })

  it('what is no setting of a group that is there already, and change nothing', async () => {
    const store = open()
    await createGroup(store, 'mailer')
    await rejects(updateGroup(store, 'mailer', { retriesMax: -1 }), { argument: 'retriesMax' })
    await rejects(updateGroup(store, 'mailer', { from: -1 }), { argument: 'from' })
    await rejects(updateGroup(store, 'nobody', {}), { code: 'GROUP_NOT_FOUND' })
    await rejects(stopGroup(store, 'mailer', { reason: 7 as never }), { argument: 'reason' })
  })

  const consumers: readonly (readonly [string, ConsumeOptions])[] = [
    ['name', { name: '' }],
    ['bufferEvents', { bufferEvents: 0 }],
    ['readyEvents', { readyEvents: -1 }],
    ['onChange', { onChange: 'leave' as 'end' }],
    ['keyOf', { keyOf: 'id' as never }],
  ]
  for (const [argument, options] of consumers) {
    it(`a consumer with a wrong ${argument}`, () => {
      throws(() => consume(open(), 'mailer', options), { code: 'INVALID_ARGUMENT', argument })
    })
  }

  it('consumers without keyOf of a group that is pinned by it', async () => {
    const store = open()
    await createGroup(store, 'mailer', { strategy: 'pinned', pinnedBy: 'consumer' })
    await rejects(take(store, 'mailer', 1), { code: 'INVALID_ARGUMENT', argument: 'keyOf' })
  })

  it('more consumers than there may be, until one leaves', async () => {
    const store = open()
    await createGroup(store, 'mailer', { consumersMax: 1, bufferEvents: 1 })
    await write(store, 2)
    await take(store, 'mailer', 1, async (delivery) => {
      await rejects(take(store, 'mailer', 1), { code: 'GROUP_FULL', retryable: true })
      await delivery.ack()
    })
    await take(store, 'mailer', 1)
  })

  it('a word that is none on a delivery', async () => {
    const store = open()
    await createGroup(store, 'mailer')
    await write(store, 1)
    await take(store, 'mailer', 1, async (delivery) => {
      throws(() => delivery.nack('forget' as never), { code: 'INVALID_ARGUMENT', argument: 'action' })
      throws(() => delivery.nack('retry', { delayMs: -1 }), { argument: 'delayMs' })
      throws(() => delivery.nack('park', { reason: 7 as never }), { argument: 'reason' })
      await delivery.ack()
    })
  })

  const choices: readonly (readonly [string, unknown])[] = [
    ['expectedCount', { positions: 'all' }],
    ['expectedCount', { positions: [1], expectedCount: -1 }],
    ['positions', { positions: 'some', expectedCount: 1 }],
    ['positions', { positions: [0] }],
    ['positions', { positions: [3, 3] }],
  ]
  for (const [argument, choice] of choices) {
    it(`${JSON.stringify(choice)} as a choice of parked events`, async () => {
      const store = open()
      await createGroup(store, 'mailer')
      await rejects(replayParked(store, 'mailer', choice as ParkedChoice), { code: 'INVALID_ARGUMENT', argument })
    })
  }

  it('a place that is none to list parked events after', () => {
    throws(() => parkedEvents(open(), 'mailer', { after: -1 }), { argument: 'after' })
  })
})
