import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { SubscriptionItem } from '../model/call.ts'
import type { RecordedEvent } from '../model/event.ts'
import { limits } from '../model/limits.ts'
import {
  type Gathering,
  type GrowingBatches,
  gather,
  gatherStretch,
  halves,
  type SaveEffect,
  type Stretch,
} from './gathering.ts'

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

const eventAt = (position: number) => ({ position }) as RecordedEvent

/** What a reader may give: stretches with and without events, after each other, some of which are the end for now. */
const stretches = fc
  .array(fc.record({ events: fc.nat(700), passedOver: fc.nat(3), isEnd: fc.boolean() }), { maxLength: 12 })
  .map((given) => {
    let upTo = 0
    return given.map(({ events, passedOver, isEnd }): Stretch => {
      const first = upTo + 1
      upTo += events + passedOver
      return { events: Array.from({ length: events }, (_, nth) => eventAt(first + nth)), upTo, isEnd }
    })
  })

const begun: GrowingBatches = { savedPosition: 0, pending: [], batchEvents: 2 }

describe('gathering stretch by stretch', () => {
  it('saves every event once, in order, with a checkpoint at or after it that only rises', () => {
    fc.assert(
      fc.property(stretches, (given) => {
        let state = begun
        const saves: SaveEffect[] = []
        for (const stretch of given) {
          const step = gatherStretch(state, stretch)
          saves.push(...step.saves)
          state = step.state
          const isWaiting = state.pending.length > 0
          // Nothing is kept waiting where nothing newer is there.
          expect(isWaiting && stretch.isEnd).toBe(false)
          expect(isWaiting ? state.savedPosition < stretch.upTo : state.savedPosition === stretch.upTo).toBe(true)
        }
        const all = given.flatMap(({ events }) => events)
        expect([...saves.flatMap(({ events }) => events), ...state.pending]).toEqual(all)
        for (const [index, { events, position }] of saves.entries()) {
          const before = saves[index - 1]?.position ?? 0
          expect(position).toBeGreaterThan(before)
          expect(events.every((event) => event.position > before && event.position <= position)).toBe(true)
          expect(events.length).toBeLessThanOrEqual(limits.projectionEvents)
        }
      }),
    )
  })

  it('begins with small batches, and doubles them until they are full', () => {
    const events = Array.from({ length: 2_000 }, (_, nth) => eventAt(nth + 1))
    const { saves, state } = gatherStretch({ ...begun, batchEvents: 32 }, { events, upTo: 2_000, isEnd: false })
    expect(saves.map((save) => save.events.length)).toEqual([32, 64, 128, 256, 500, 500, 500])
    expect([state.pending.length, state.batchEvents, state.savedPosition]).toEqual([20, 500, 1_980])
  })

  it('moves the place over a stretch without events, once', () => {
    const { saves, state } = gatherStretch(begun, { events: [], upTo: 7, isEnd: false })
    expect(saves).toEqual([{ events: [], position: 7 }])
    expect(gatherStretch(state, { events: [], upTo: 7, isEnd: true }).saves).toEqual([])
  })
})

it.each([2, 3, 500])(
  'halves a batch of %i so that the first ends with its last event, the second where it ended',
  (size) => {
    const events = Array.from({ length: size }, (_, nth) => eventAt(nth + 1))
    const [first, second] = halves({ events, position: size + 5 })
    expect([...first.events, ...second.events]).toEqual(events)
    expect([first.position, second.position]).toEqual([first.events.length, size + 5])
    expect(Math.min(first.events.length, second.events.length)).toBeGreaterThan(0)
  },
)
