import { ok } from 'node:assert/strict'
import { it } from 'vitest'
import {
  expectOnce,
  isSettled,
  longAfter,
  mortalSend,
  mortalStore,
  placeOrders,
} from '../../../test/reactions/mortal.ts'
import { checkout, worker } from '../../../test/reactions/orders.ts'
import { seeded } from '../conformance/seeded.ts'
import { memory } from '../engines/memory/index.ts'
import type { EventStore } from '../event-store.ts'
import { openStore } from '../open-store.ts'
import { react } from './react.ts'

const seed = Number(process.env.CRASH_SEED ?? Math.floor(Math.random() * 2 ** 31))

/** Turns of the event loop that a life has: many times what it needs. What is lost then shows, instead of being waited for. */
const turnsMax = 2_000

class Dead extends Error {}

/** Runs the reaction until it dies before one of its steps, or has nothing left to do. `linger` is waited for at each. */
async function live(store: EventStore, stepsMax: number, linger?: () => Promise<void>): Promise<'died' | 'settled'> {
  let steps = 0
  const step = (): Promise<void> | undefined => {
    if (++steps > stepsMax) throw new Dead('died')
    return linger?.()
  }
  const reaction = checkout({ send: mortalSend(worker(store), step) })
  const running = react(mortalStore(store, step), reaction, { clock: longAfter, attemptsMax: 1 })
  const death = running.done.then(
    () => 'settled' as const,
    () => 'died' as const,
  )
  const settled = async (): Promise<'settled'> => {
    for (let turn = 0; turn < turnsMax && !(await isSettled(store)); turn++) await longAfter.turn()
    await running.stop().catch(() => undefined)
    return 'settled'
  }
  return Promise.race([death, settled()])
}

async function withOrders(): Promise<EventStore> {
  const store = openStore({ engine: memory() })
  await placeOrders(store)
  return store
}

it('does everything once, whichever step it dies before', { timeout: 120_000 }, async () => {
  let deaths = 0
  for (let outcome = 'died'; outcome === 'died'; deaths++) {
    const store = await withOrders()
    outcome = await live(store, deaths)
    await live(store, Number.POSITIVE_INFINITY)
    await expectOnce(store)
  }
  // Fewer would be a sign that the steps are not counted.
  ok(deaths > 50, `${deaths} deaths`)
})

it(`does everything once, however often it dies and wherever (CRASH_SEED=${seed})`, { timeout: 120_000 }, async () => {
  const random = seeded(seed)
  for (let run = 0; run < 150; run++) {
    const store = await withOrders()
    for (let life = 0; life < 20; life++) if ((await live(store, random.below(40))) === 'settled') break
    await live(store, Number.POSITIVE_INFINITY)
    await expectOnce(store)
  }
})

it('makes progress when each life is as short as one event takes', async () => {
  const store = await withOrders()
  for (let life = 0; life < 100; life++) if ((await live(store, 25)) === 'settled') break
  await expectOnce(store)
})

it(`does everything once where two run at a time and overtake each other (CRASH_SEED=${seed})`, {
  timeout: 120_000,
}, async () => {
  const random = seeded(seed)
  for (let run = 0; run < 80; run++) {
    const store = await withOrders()
    const linger = async (): Promise<void> => {
      for (let turns = random.below(4); turns > 0; turns--) await longAfter.turn()
    }
    for (let round = 0; round < 4; round++) {
      await Promise.all([live(store, random.below(90), linger), live(store, random.below(90), linger)])
    }
    await live(store, Number.POSITIVE_INFINITY)
    await expectOnce(store)
  }
})
