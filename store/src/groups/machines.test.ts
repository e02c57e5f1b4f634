import { deepEqual, equal, ok } from 'node:assert/strict'
import fc from 'fast-check'
import { describe, it } from 'vitest'
import { GroupWitness, newTally } from '../../../test/simulation/group-witness.ts'
import type { RecordedEvent } from '../model/event.ts'
import { limits } from '../model/limits.ts'
import { type GroupInput, step } from './group.ts'
import { normalSettings } from './group-settings.ts'
import { encoded } from './group-shelf.ts'
import { type Group, type Member, newGroup, type Unfinished, withChores } from './group-state.ts'
import { nothingSeen, watched } from './liveness.ts'
import { choose, keyNumbers } from './strategy.ts'

const whole = { stream: undefined, filter: 'everything' } as const

/** What can happen to a group, with places that are mostly those of its events. */
function inputs(): fc.Arbitrary<(group: Group) => GroupInput> {
  const member = fc.constantFrom('A', 'B', 'C')
  const some = fc.array(fc.nat(20), { maxLength: 4 })
  const of = (group: Group, indexes: readonly number[]): number[] => {
    const open = group.unfinished.map(({ place }) => place)
    return [...new Set(indexes.map((index) => open[index % Math.max(open.length, 1)] ?? index))]
  }
  const because = (places: readonly number[]) => places.map((place) => ({ place, reason: 'no luck' }))
  return fc.oneof(
    member.map((id) => (): GroupInput => ({ kind: 'join', member: id })),
    member.map((id) => (): GroupInput => ({ kind: 'leave', member: id })),
    member.map((id) => (): GroupInput => ({ kind: 'lose', member: id })),
    fc
      .tuple(member, fc.nat(5), fc.nat(6), fc.boolean())
      .map(([id, room, count, isIdle]) => (group: Group): GroupInput => {
        const events = Array.from({ length: count }, (_, index) => ({
          place: group.reached + 1 + index,
          key: index % 3,
        }))
        const ahead = { events, through: group.reached + count }
        return { kind: 'hold', member: id, room, isIdle, ahead }
      }),
    fc.tuple(member, some).map(([id, at]) => (group: Group): GroupInput => {
      return { kind: 'finish', member: id, places: of(group, at), as: 'acked' }
    }),
    fc.tuple(member, some).map(([id, at]) => (group: Group): GroupInput => {
      return { kind: 'fail', member: id, failures: because(of(group, at)) }
    }),
    fc.tuple(member, some).map(([id, at]) => (group: Group): GroupInput => {
      return { kind: 'park', member: id, failures: because(of(group, at)) }
    }),
    fc
      .tuple(member, some, fc.constantFrom('unused' as const, 'failed' as const))
      .map(([id, at, as]) => (group: Group): GroupInput => {
        return { kind: 'release', member: id, places: of(group, at), as }
      }),
    fc.constant(
      (group: Group): GroupInput => ({ kind: 'tidied', done: group.chores.map(({ number }) => number), dropped: [] }),
    ),
    fc.constant((): GroupInput => ({ kind: 'start' })),
    member.map(
      (id) =>
        (group: Group): GroupInput => ({ kind: 'stop', member: id, place: of(group, [0])[0] ?? 0, reason: '' }),
    ),
  )
}

describe('the machine of a consumer group', () => {
  it('passes no event over and finishes each once, whatever its members say, in whatever order', () => {
    const strategies = fc.constantFrom(...(['round_robin', 'pinned', 'single', 'overflow', 'sticky'] as const))
    const property = fc.property(strategies, fc.array(inputs(), { maxLength: 60 }), (strategy, sayings) => {
      const witness = new GroupWitness(() => true, newTally())
      let group = newGroup('g', normalSettings({ strategy, retriesMax: 2, inFlightMax: 8 }, whole), 0)
      for (const inputFor of sayings) {
        group = step(group, inputFor(group)).group
        witness.wrote('group/g', JSON.parse(JSON.stringify(encoded(group))))
        witness.check()
      }
    })
    fc.assert(property, { numRuns: 400 })
  })
})

describe('an entry of the shelf', () => {
  it('holds the largest group there can be', () => {
    const place = Number.MAX_SAFE_INTEGER
    const members = Array.from({ length: limits.groupMembers }, (_, index): Member => {
      const consumers = Array.from({ length: limits.groupConsumers / limits.groupMembers }, () => {
        return {
          name: '\u0001'.repeat(limits.consumerNameChars),
          bufferEvents: limits.consumerEvents,
          inFlight: 10_000,
          finished: place,
          perSecond: 99_999.9,
        }
      })
      return { id: `00000000-0000-4000-8000-${String(index).padStart(12, '0')}`, beats: place, consumers }
    })
    const holder = members.at(-1)?.id
    const counted = { attempts: limits.groupRetries, losses: limits.groupRetries, key: 2 ** 32 - 1, isReplayed: true }
    const unfinished = Array.from({ length: limits.groupInFlight }, (): Unfinished => ({ place, ...counted, holder }))
    const replays = Array.from({ length: limits.groupReplays }, () => ({ after: place, through: place }))
    const settings = normalSettings({}, { ...whole, filter: { types: ['x'.repeat(limits.groupSettingsBytes - 600)] } })
    const reason = '\u0001'.repeat(limits.parkReasonChars)
    const chores = Array.from({ length: limits.groupChores }, () => ({ place, ...counted, reason }))
    const empty = newGroup('00000000-0000-4000-8000-000000000000', settings, place)
    const full = withChores({ ...empty, unfinished, members, replays }, 'park', chores, holder ?? '')
    const discarding = withChores(
      full,
      'remove',
      chores.map((chore) => ({ ...chore, reason: '' })),
      'operator',
    )
    const stopped = { reason, place }
    const bytes = Buffer.byteLength(JSON.stringify(encoded({ ...discarding, stopped })))
    ok(bytes <= limits.shelfValueBytes, `${bytes} bytes`)
    ok(bytes > limits.shelfValueBytes * 0.7, `${bytes} bytes: the limits could be higher`)
  })
})

describe('looking for signs of life', () => {
  const timeout = { self: 'me', memberTimeoutMs: 900 }
  const other = (beats: number): Member => ({ id: 'other', beats, consumers: [] })

  it('takes a member for lost that stood still for the time allowed, while it was watched', () => {
    let watch = watched(nothingSeen, [other(7)], { ...timeout, nowMs: 1_000_000 }).watch
    const lost = [300, 600, 900].map((passedMs) => {
      const next = watched(watch, [other(7)], { ...timeout, nowMs: 1_000_000 + passedMs })
      watch = next.watch
      return next.lost
    })
    deepEqual(lost, [[], [], ['other']])
  })

  it('blames nobody for the time in which it did not look itself', () => {
    const { watch } = watched(nothingSeen, [other(7)], { ...timeout, nowMs: 1_000 })
    deepEqual(watched(watch, [other(7)], { ...timeout, nowMs: 9_000_000 }).lost, [])
  })

  it('begins to count anew with every sign', () => {
    let { watch } = watched(nothingSeen, [other(7)], { ...timeout, nowMs: 0 })
    for (const [nowMs, beats] of [
      [300, 7],
      [600, 8],
      [900, 8],
      [1_200, 8],
    ] as const) {
      const next = watched(watch, [other(beats)], { ...timeout, nowMs })
      watch = next.watch
      deepEqual(next.lost, [])
    }
    deepEqual(watched(watch, [other(8)], { ...timeout, nowMs: 1_500 }).lost, ['other'])
  })
})

describe('who gets which event', () => {
  const nobody = { index: 0, consumers: 2, isWaiting: () => false, keepsUp: () => false }
  const events = [{ key: 1 }, { key: 2 }, { key: 3 }]

  it('is whoever asks, in the order of the events', () => {
    equal(choose('round_robin', events, nobody), 0)
    equal(choose('round_robin', [], nobody), -1)
  })

  it('is the first consumer, where there is a single one', () => {
    deepEqual([choose('single', events, nobody), choose('single', events, { ...nobody, index: 1 })], [0, -1])
  })

  it('is the consumer of the key, and another one only while that one is busy', () => {
    equal(choose('pinned', events, { ...nobody, index: 0 }), 1)
    equal(choose('pinned', [{ key: 1 }], { ...nobody, index: 0 }), 0)
    equal(choose('pinned', [{ key: 1 }], { ...nobody, index: 0, isWaiting: () => true }), -1)
  })

  it('is the consumer of the key and no other, where several of a key may be handled', () => {
    equal(choose('sticky', events, { ...nobody, index: 0 }), 1)
    equal(choose('sticky', events, { ...nobody, index: 1 }), 0)
    equal(choose('sticky', [{ key: 1 }], { ...nobody, index: 0 }), -1)
  })

  it('is the first consumer that has room, where one is filled after the other', () => {
    equal(choose('overflow', events, nobody), 0)
    equal(choose('overflow', events, { ...nobody, index: 1 }), 0)
    equal(choose('overflow', events, { ...nobody, index: 1, keepsUp: (index) => index === 0 }), -1)
  })

  it('depends on what the group is pinned by', () => {
    const event = { id: 'e1', streamId: 'Order-1', tags: ['a', 'customer:7'], metadata: { correlationId: 'c1' } }
    const keyOf = (pinnedBy: Group['settings']['pinnedBy'], changed: object): boolean => {
      const number = keyNumbers({ strategy: 'pinned', pinnedBy }, ({ id }) => id)
      return number(event as unknown as RecordedEvent) === number({ ...event, ...changed } as unknown as RecordedEvent)
    }
    equal(keyOf('stream', { tags: [], metadata: {} }), true)
    equal(keyOf('stream', { streamId: 'Order-2' }), false)
    equal(keyOf('category', { streamId: 'Order-2' }), true)
    equal(keyOf('tag:customer', { streamId: 'Order-2' }), true)
    equal(keyOf('tag:customer', { tags: ['customer:8'] }), false)
    equal(keyOf('correlation', { streamId: 'Bill-2', tags: [] }), true)
    equal(keyOf('consumer', { streamId: 'Bill-2' }), true)
    equal(keyOf('consumer', { id: 'e2' }), false)
  })
})
