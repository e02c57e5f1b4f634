import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { SubscriptionItem } from '../model/call.ts'
import type { RecordedEvent } from '../model/event.ts'
import { limits } from '../model/limits.ts'
import { defineEvents, event } from '../schema/events.ts'
import { defineProjection, type Gathering, gather, type SaveEffect } from './projection.ts'
import { memoryTarget } from './targets/memory.ts'
import { sqliteTarget } from './targets/sqlite/index.ts'

/** What a subscription may yield: positions that rise, some without an event, marks between them. */
const subscription = fc
  .array(fc.constantFrom('event', 'filtered', 'checkpoint', 'caught_up'), { maxLength: 3 * limits.projectionEvents })
  .map((kinds) => {
    let position = 0
    return kinds.flatMap((kind): SubscriptionItem[] => {
      if (kind === 'checkpoint' || kind === 'caught_up') return [{ kind, position }]
      position++
      return kind === 'event' ? [{ kind: 'event', event: { position } as RecordedEvent }] : []
    })
  })

function savesOf(items: readonly SubscriptionItem[]): readonly SaveEffect[] {
  let state: Gathering = { savedPosition: 0, pending: [] }
  return items.flatMap((item) => {
    const step = gather(state, item)
    state = step.state
    return step.save ?? []
  })
}

it('saves every event once, in order, with a checkpoint at or after it that only rises', () => {
  fc.assert(
    fc.property(subscription, (items) => {
      const last = items.findLast((item) => item.kind !== 'event')?.position ?? 0
      const saves = savesOf([...items, { kind: 'caught_up', position: Number.MAX_SAFE_INTEGER }])
      const saved = saves.flatMap(({ events }) => events.map((event) => event.position))
      expect(saved).toEqual(items.flatMap((item) => (item.kind === 'event' ? item.event.position : [])))
      let before = 0
      for (const { events, position } of saves) {
        expect(position).toBeGreaterThan(before)
        expect(events.every((event) => event.position > before && event.position <= position)).toBe(true)
        expect(events.length).toBeLessThanOrEqual(limits.projectionEvents)
        before = position
      }
      expect(savesOf(items).at(-1)?.position ?? 0).toBeGreaterThanOrEqual(last)
    }),
  )
})

it('passes over what was filtered out at each mark, and saves nothing twice', () => {
  const marks = [0, 5, 5, 9].map((position): SubscriptionItem => ({ kind: 'caught_up', position }))
  expect(savesOf(marks)).toEqual([
    { events: [], position: 5 },
    { events: [], position: 9 },
  ])
})

const stockEvents = defineEvents({ Received: event<{ sku: string }>() })

describe('a projection that cannot be', () => {
  const target = memoryTarget(() => ({}))
  const on = { Received: () => undefined }
  const right = { name: 'stock', events: stockEvents, target, on }
  it.each([
    ['without a name', { ...right, name: '' }, 'name'],
    ['with a version that is none', { ...right, version: 0 }, 'version'],
    ['without a target', { ...right, target: undefined }, 'target'],
    ['without handlers', { ...right, on: {} }, 'on'],
    ['without any `on`', { ...right, on: undefined }, 'on'],
    ['for an event that is not defined', { ...right, on: { Lost: () => undefined } }, 'on.Lost'],
    ['with a handler that is none', { ...right, on: { Received: 'yes' } }, 'on.Received'],
    ['without `empty` where it is needed', { ...right, target: sqliteTarget({ path: ':memory:' }) }, 'empty'],
  ])('is refused %s', (_, given, argument) => {
    expect(() => defineProjection(given as never)).toThrowError(
      expect.objectContaining({ code: 'INVALID_ARGUMENT', argument }),
    )
  })

  it('is refused with a name over the limit', () => {
    const name = 'n'.repeat(limits.checkpointNameChars + 1)
    expect(() => defineProjection({ ...right, name })).toThrowError(expect.objectContaining({ code: 'LIMIT_EXCEEDED' }))
  })
})
