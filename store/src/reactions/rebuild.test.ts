import { deepEqual, equal, rejects } from 'node:assert/strict'
import { it } from 'vitest'
import { manualClock } from '../../../test/reactions/manual-clock.ts'
import {
  checkout,
  doneAt,
  doneIn,
  keptBy,
  minuteMs,
  orderEvents,
  paid,
  placed,
  shipped,
  worker,
} from '../../../test/reactions/orders.ts'
import { memory } from '../engines/memory/index.ts'
import type { EventStore } from '../event-store.ts'
import { openStore } from '../open-store.ts'
import { type ReactOptions, react } from './react.ts'
import { defineReaction, type Reaction } from './reaction.ts'

const opened = (): EventStore => openStore({ engine: memory() })

/** Runs a reaction up to the head and stops it. */
async function runOnce(store: EventStore, reaction: Reaction, options?: ReactOptions): Promise<void> {
  const running = react(store, reaction, options)
  await running.waitFor(await store.head())
  await running.stop()
}

it('that begins at the end sends nothing for what was before, but knows it', async () => {
  const store = opened()
  await store.append('Order-1', [placed(500)])
  await store.append('Order-2', [placed(700)])
  const clock = manualClock(Date.now() + 60 * minuteMs)
  await using running = react(store, checkout({ send: worker(store) }), { from: 'end', clock })
  await running.waitFor(2)
  deepEqual(await doneIn(store), [])
  const { position } = await store.append('Order-1', [paid])
  await running.waitFor(position)
  deepEqual(await doneIn(store), ['ship Order-1 500', 'thank Order-1 500'])
})

it('that begins at a position acts from there on', async () => {
  const store = opened()
  await store.append('Order-1', [placed(500), paid])
  await runOnce(store, checkout({ send: worker(store) }), { from: 2 })
  deepEqual(await doneIn(store), ['ship Order-1 500', 'thank Order-1 500'])
})

it('of a higher version folds states anew, sends nothing meanwhile, and goes on with the new ones', async () => {
  const store = opened()
  await store.append('Order-1', [placed(500)])
  await store.append('Order-2', [placed(700), paid])
  await runOnce(store, checkout({ send: worker(store) }))
  const before = await doneIn(store)
  const raised = checkout({ send: worker(store), version: 2, surcharge: 1 })
  await runOnce(store, raised)
  deepEqual(await doneIn(store), before)
  await store.append('Order-1', [paid])
  await runOnce(store, raised)
  deepEqual((await doneIn(store)).slice(before.length), ['ship Order-1 501', 'thank Order-1 501'])
})

it('of a higher version keeps open deadlines, and fires none that fired or were cancelled', async () => {
  const store = opened()
  await store.append('Order-1', [placed(500)])
  await store.append('Order-2', [placed(700), paid])
  const later = manualClock(Date.now() + 12 * minuteMs)
  const first = react(store, checkout({ send: worker(store) }), { clock: later })
  const before = await doneAt(store, 5)
  await first.stop()
  const raised = checkout({ send: worker(store), version: 2, surcharge: 1 })
  await using _ = react(store, raised, { clock: manualClock(Date.now() + 60 * minuteMs) })
  deepEqual((await doneAt(store, 6)).slice(before.length), ['cancel Order-1 501'])
})

it('of a higher version sends what the one before had decided and not sent, once', async () => {
  const store = opened()
  await store.append('Order-1', [placed(500)])
  const send = () => Promise.reject(new Error('out of reach'))
  await rejects(react(store, checkout({ send }), { attemptsMax: 1 }).done, { code: 'REACTION_FAILED' })
  await runOnce(store, checkout({ send: worker(store), version: 2, surcharge: 1 }))
  deepEqual(await doneIn(store), ['request-payment Order-1 500'])
})

it('folds anew through the end of one process of an id and into the next, whose deadlines stay', async () => {
  const store = opened()
  await store.append('Order-1', [placed(500), shipped, placed(900)])
  await runOnce(store, checkout({ send: worker(store) }))
  const kept = await keptBy(store)
  await runOnce(store, checkout({ send: worker(store), version: 2, surcharge: 1 }))
  deepEqual(await keptBy(store), kept)
  const clock = manualClock(Date.now() + 60 * minuteMs)
  await using _ = react(store, checkout({ send: worker(store), version: 2, surcharge: 1 }), { clock })
  deepEqual((await doneAt(store, 4)).slice(2), ['remind Order-1 901', 'cancel Order-1 901'])
})

it('goes on in silence where folding anew was cut off', async () => {
  const store = opened()
  for (let order = 1; order <= 150; order++) await store.append(`Order-${order}`, [placed(order)])
  await runOnce(store, checkout({ send: worker(store) }))
  const before = await doneIn(store)
  const raised = checkout({ send: worker(store), version: 2, surcharge: 1 })
  const cut = react(store, raised)
  await cut.waitFor(120)
  await cut.stop()
  await runOnce(store, raised)
  deepEqual(await doneIn(store), before)
})

it('keeps silent about what it only folded, also when the version is raised while it folds', async () => {
  const store = opened()
  for (let order = 1; order <= 150; order++) await store.append(`Order-${order}`, [placed(order)])
  const cut = react(store, checkout({ send: worker(store) }), { from: 'end' })
  await cut.waitFor(120)
  await cut.stop()
  await runOnce(store, checkout({ send: worker(store), version: 2 }))
  deepEqual(await doneIn(store), [])
})

it('of an older version is told that it was overtaken, before it decides on a state that is not its own', async () => {
  const store = opened()
  await store.append('Order-1', [placed(500)])
  const older = react(store, checkout({ send: worker(store) }))
  const { position } = await store.append('Noise-1', [paid])
  await older.waitFor(position)
  await runOnce(store, checkout({ send: worker(store), version: 2, surcharge: 1 }))
  const conflict = rejects(older.done, { code: 'CHECKPOINT_CONFLICT' })
  await store.append('Order-1', [paid])
  await conflict
  deepEqual(await doneIn(store), ['request-payment Order-1 500'])
})

it('of a version that dropped a deadline is told so when one that is open has come', async () => {
  const store = opened()
  await store.append('Order-1', [placed(500)])
  await runOnce(store, checkout({ send: worker(store) }))
  const dropped = defineReaction({
    name: 'checkout',
    version: 2,
    events: orderEvents,
    on: { OrderPlaced: () => undefined },
    send: async (_: string) => undefined,
  })
  const running = react(store, dropped, { clock: manualClock(Date.now() + 60 * minuteMs) })
  await rejects(running.done, { code: 'REACTION_FAILED', deadline: 'unasked', message: /keep a handler, if only one/ })
})

it('refuses to run with an older version', async () => {
  const store = opened()
  await runOnce(store, checkout({ send: worker(store), version: 2 }))
  const older = react(store, checkout({ send: worker(store), version: 1 }))
  await rejects(older.done, {
    code: 'INVALID_ARGUMENT',
    argument: 'version',
    message: /version 2 of reaction "checkout"/,
  })
})

it('without a state has nothing to fold, and begins where it is told', async () => {
  const store = opened()
  let read = 0
  await store.append('Order-1', [placed(500), placed(600)])
  const counting = defineReaction({
    name: 'counting',
    events: orderEvents,
    processOf: ({ streamId }) => {
      read++
      return streamId
    },
    on: { OrderPlaced: () => ({ send: 'count' }) },
    send: async (_: string) => undefined,
  })
  await runOnce(store, counting, { from: 'end' })
  equal(read, 0)
})
