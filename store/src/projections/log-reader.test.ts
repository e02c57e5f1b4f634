import { deepEqual, equal, ok, rejects } from 'node:assert/strict'
import { describe, it } from 'vitest'
import type { Clock } from '../engine/clock.ts'
import { systemClock } from '../engine/system-clock.ts'
import { memory } from '../engines/memory/index.ts'
import type { EventStore } from '../event-store.ts'
import type { SubscribeOptions } from '../model/call.ts'
import type { RecordedEvent } from '../model/event.ts'
import { limits } from '../model/limits.ts'
import { openStore } from '../open-store.ts'
import type { Stretch } from './gathering.ts'
import { type Course, LogReader } from './log-reader.ts'

const alone = { partitions: 1, keyOf: ({ streamId }: RecordedEvent) => streamId }
const ofA = { projection: { name: 'a', filter: { types: ['A'] }, ...alone }, generation: 1, partition: 1 }
const ofB = { projection: { name: 'b', filter: { types: ['B'] }, ...alone }, generation: 1, partition: 1 }
const never = new AbortController().signal

/** A partition of four, by the last digit of the payload. */
const quarter = (partition: number): Course => ({
  projection: { name: 'quarters', filter: { types: ['A', 'B'] }, partitions: 4, keyOf: ({ data }) => String(data) },
  generation: 1,
  partition,
})

async function filled(count: number): Promise<EventStore> {
  const store = openStore({ engine: memory() })
  const events = Array.from({ length: count }, (_, nth) => ({ type: nth % 2 === 0 ? 'A' : 'B', data: nth }))
  if (count > 0) await store.append('S-1', events)
  return store
}

/** The store and how often it was subscribed to. */
function counted(store: EventStore, clock: Clock = systemClock) {
  const subscriptions: SubscribeOptions[] = []
  const subscribe = ((options: SubscribeOptions) => {
    subscriptions.push(options)
    return store.subscribe(options as SubscribeOptions & { marks: true })
  }) as EventStore['subscribe']
  return { subscriptions, reader: new LogReader({ subscribe }, [ofA.projection.filter, ofB.projection.filter], clock) }
}

async function untilCaughtUp(stretches: AsyncGenerator<Stretch>, at: number): Promise<number[]> {
  const positions: number[] = []
  for (;;) {
    const { value } = (await stretches.next()) as { value: Stretch }
    positions.push(...value.events.map(({ position }) => position))
    if (value.isEnd && value.upTo >= at) return positions
  }
}

async function firstPositions(stretches: AsyncGenerator<Stretch>): Promise<number[]> {
  const { value } = (await stretches.next()) as { value: Stretch }
  return value.events.map(({ position }) => position)
}

const odd = (upTo: number) => Array.from({ length: Math.ceil(upTo / 2) }, (_, nth) => 2 * nth + 1)

describe('a shared reading', () => {
  it('gives every follower what its filter names, in order, from one subscription', async () => {
    const { subscriptions, reader } = counted(await filled(1_000))
    const [seenByA, seenByB] = await Promise.all([
      untilCaughtUp(reader.follow(1, ofA, never), 1_000),
      untilCaughtUp(reader.follow(1, ofB, never), 1_000),
    ])
    deepEqual(seenByA, odd(1_000))
    deepEqual(
      seenByB,
      odd(1_000).map((position) => position + 1),
    )
    equal(subscriptions.length, 1)
    reader.close()
  })

  it('goes on when there is news, and says again that nobody is behind', async () => {
    const store = await filled(2)
    const { reader } = counted(store)
    const items = reader.follow(1, ofA, never)
    deepEqual(await untilCaughtUp(items, 2), [1])
    await store.append('S-2', [{ type: 'B', data: 1 }])
    deepEqual(await untilCaughtUp(items, 3), [])
    await store.append('S-2', [{ type: 'A', data: 1 }])
    deepEqual(await untilCaughtUp(items, 4), [4])
    reader.close()
  })

  it('does not wait for a slow follower, which reads for itself until it is back', async () => {
    const count = 4 * limits.sharedEvents
    const { subscriptions, reader } = counted(await filled(count))
    const slow = reader.follow(1, ofA, never)
    const begun = await firstPositions(slow)
    deepEqual((await untilCaughtUp(reader.follow(1, ofB, never), count)).length, count / 2)
    equal(subscriptions.length, 1)
    deepEqual([...begun, ...(await untilCaughtUp(slow, count))], odd(count))
    equal(subscriptions.length, 2)
    reader.close()
  })

  it('moves to who is further ahead, and lets the others read for themselves', async () => {
    const { subscriptions, reader } = counted(await filled(1_000))
    const behind = reader.follow(1, ofA, never)
    const begun = await firstPositions(behind)
    deepEqual(await untilCaughtUp(reader.follow(991, ofA, never), 1_000), [991, 993, 995, 997, 999])
    deepEqual([...begun, ...(await untilCaughtUp(behind, 1_000))], odd(1_000))
    ok(subscriptions.length <= 3)
    reader.close()
  })

  it('gives who begins late what all others have passed and forgotten', async () => {
    const count = 4 * limits.sharedEvents
    const store = await filled(count)
    const { reader } = counted(store)
    const early = reader.follow(1, ofA, never)
    equal((await untilCaughtUp(early, count)).length, count / 2)
    const late = reader.follow(count - 9, ofA, never)
    deepEqual(await untilCaughtUp(late, count), odd(count).slice(-5))
    await store.append('S-2', [{ type: 'A', data: 1 }])
    const seen = await Promise.all([untilCaughtUp(early, count + 1), untilCaughtUp(late, count + 1)])
    deepEqual(seen, [[count + 1], [count + 1]])
    reader.close()
  })

  it('tells its followers what the store cannot read, and begins anew with the next', async () => {
    const store = await filled(4)
    let failures = 1
    const subscribe = ((options: SubscribeOptions & { marks: true }) => {
      if (failures-- > 0) throw new RangeError('no disk')
      return store.subscribe(options)
    }) as EventStore['subscribe']
    const reader = new LogReader({ subscribe }, [ofA.projection.filter], systemClock)
    await rejects(reader.follow(1, ofA, never).next(), /no disk/)
    deepEqual(await untilCaughtUp(reader.follow(1, ofA, never), 4), [1, 3])
    reader.close()
  })

  it('ends with the store, with a signal, and when it is closed', async () => {
    const store = await filled(1)
    const { reader } = counted(store)
    const leaving = new AbortController()
    const [left, closed] = [reader.follow(1, ofA, leaving.signal), reader.follow(1, ofA, never)]
    await Promise.all([untilCaughtUp(left, 1), untilCaughtUp(closed, 1)])
    const ends = [rejects(left.next(), /enough/), rejects(closed.next(), { code: 'STORE_CLOSED' })]
    leaving.abort(new Error('enough'))
    await store.close()
    await Promise.all(ends)
  })
})

describe('the partitions of a build', () => {
  const quarters = [1, 2, 3, 4].map(quarter)

  it('get each event once, in one of them, in order, from one reading', async () => {
    const count = 4 * limits.sharedEvents
    const { subscriptions, reader } = counted(await filled(count))
    const seen = await Promise.all(quarters.map((course) => untilCaughtUp(reader.follow(1, course, never), count)))
    for (const positions of seen) {
      deepEqual(
        positions,
        positions.toSorted((one, other) => one - other),
      )
      ok(positions.length > count / 8)
    }
    deepEqual(
      seen.flat().sort((one, other) => one - other),
      Array.from({ length: count }, (_, nth) => nth + 1),
    )
    equal(subscriptions.length, 1)
    reader.close()
  })

  it('wait for one of them that is slow, so that nobody reads everything again', async () => {
    const count = 4 * limits.sharedEvents
    const { subscriptions, reader } = counted(await filled(count), { ...systemClock, sleep: untilAborted })
    const slow = reader.follow(1, quarter(1), never)
    const begun = await firstPositions(slow)
    const others = [2, 3, 4].map((partition) => untilCaughtUp(reader.follow(1, quarter(partition), never), count))
    const rest = await untilCaughtUp(slow, count)
    deepEqual([begun, rest, ...(await Promise.all(others))].flat().length, count)
    equal(subscriptions.length, 1)
    reader.close()
  })

  it('leave one behind that stands still, which misses nothing', async () => {
    const count = 4 * limits.sharedEvents
    const { subscriptions, reader } = counted(await filled(count), { ...systemClock, sleep: systemClock.turn })
    const still = reader.follow(1, quarter(1), never)
    const begun = await firstPositions(still)
    const others = [2, 3, 4].map((partition) => untilCaughtUp(reader.follow(1, quarter(partition), never), count))
    const seen = (await Promise.all(others)).flat()
    equal(subscriptions.length, 1)
    deepEqual([...seen, ...begun, ...(await untilCaughtUp(still, count))].length, count)
    ok(subscriptions.length > 1)
    reader.close()
  })

  it('are read for no longer than any of them is there', async () => {
    const store = await filled(10)
    const { subscriptions, reader } = counted(store)
    const items = reader.follow(1, quarter(1), never)
    await untilCaughtUp(items, 10)
    await items.return(undefined)
    while (subscriptions[0]?.signal?.aborted !== true) await systemClock.turn()
    reader.close()
  })
})

/** Time that does not pass. */
function untilAborted(_ms: number, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve) => signal?.addEventListener('abort', () => resolve()))
}
