import { deepEqual, equal, rejects } from 'node:assert/strict'
import { it } from 'vitest'
import { manualClock } from '../../../test/reactions/manual-clock.ts'
import { timedItems } from './timed-items.ts'

interface Item {
  readonly number: number
}

async function* numbers(count: number): AsyncGenerator<Item> {
  for (let number = 1; number <= count; number++) yield { number }
}

/** Items that come when they are told to. */
function pushed() {
  const waiting: ((item: Item) => void)[] = []
  async function* items(): AsyncGenerator<Item> {
    for (;;) yield await new Promise<Item>((resolve) => waiting.push(resolve))
  }
  return { items: items(), push: (item: Item) => waiting.shift()?.(item) }
}

it('gives items in their order, and undefined at the end', async () => {
  const items = timedItems(numbers(2), manualClock())
  deepEqual([await items.next(undefined), await items.next(undefined)], [{ number: 1 }, { number: 2 }])
  equal(await items.next(undefined), undefined)
})

it('gives the time once it has come, also where an item is there, and the item afterwards', async () => {
  const clock = manualClock(1_000)
  const items = timedItems(numbers(1), clock)
  equal(await items.next(1_000), 'time')
  await clock.turn()
  equal(await items.next(1_000), 'time')
  deepEqual(await items.next(1_001), { number: 1 })
})

it('waits for a time further away than any timer reaches', async () => {
  const clock = manualClock(0)
  const yearMs = 365 * 24 * 60 * 60_000
  const { items } = pushed()
  const next = timedItems(items, clock).next(yearMs)
  for (const ms of [30_000, yearMs - 30_001]) {
    clock.advance(ms)
    equal(await Promise.race([next, clock.turn()]), undefined)
  }
  clock.advance(1)
  equal(await next, 'time')
})

it('is woken by an item while it waits for a time', async () => {
  const { items, push } = pushed()
  const next = timedItems(items, manualClock(0)).next(60_000)
  push({ number: 1 })
  deepEqual(await next, { number: 1 })
})

it('passes on what the sequence throws, when it is asked for the item', async () => {
  const failing = {
    next: () => Promise.reject(new RangeError('no more')),
  } as AsyncIterator<Item>
  const items = timedItems(failing, manualClock(0))
  equal(await items.next(0), 'time')
  await rejects(items.next(undefined), /no more/)
})
