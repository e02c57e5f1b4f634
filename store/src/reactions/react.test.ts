import { deepEqual, equal, ok, rejects } from 'node:assert/strict'
import { it } from 'vitest'
import { onEveryEngine } from '../../../test/on-every-engine.ts'
import { manualClock } from '../../../test/reactions/manual-clock.ts'
import {
  type Command,
  checkout,
  doneAt,
  doneIn,
  keptBy,
  minuteMs,
  paid,
  placed,
  shipped,
  worker,
} from '../../../test/reactions/orders.ts'
import type { EventStore } from '../event-store.ts'
import { react } from './react.ts'

/** Runs a reaction up to the head and stops it. */
async function runOnce(store: EventStore, reaction = checkout({ send: worker(store) })): Promise<void> {
  const running = react(store, reaction)
  await running.waitFor(await store.head())
  await running.stop()
}

onEveryEngine((open) => {
  it('sends what follows from events, each under an id of the event and its place', async () => {
    const store = await open()
    const { eventIds } = await store.append('Order-1', [placed(500), paid])
    const ids: string[] = []
    const send = async (_: Command, { commandId }: { readonly commandId: string }) => ids.push(commandId)
    await runOnce(store, checkout({ send }))
    const [placedId, paidId] = eventIds
    deepEqual(ids, [`checkout/${placedId}/1`, `checkout/${paidId}/1`, `checkout/${paidId}/2`])
  })

  it('resumes where it was, decides nothing twice and sends nothing twice', async () => {
    const store = await open()
    const decided: string[] = []
    const reaction = checkout({ send: worker(store), decided: (what) => decided.push(what) })
    await store.append('Order-1', [placed(500)])
    await runOnce(store, reaction)
    await store.append('Order-1', [paid])
    await runOnce(store, reaction)
    await runOnce(store, reaction)
    equal(decided.length, 2)
    deepEqual(await doneIn(store), ['request-payment Order-1 500', 'ship Order-1 500', 'thank Order-1 500'])
  })

  it('fires deadlines in their order, each when it is due and not before', async () => {
    const store = await open()
    const clock = manualClock()
    await store.append('Order-1', [placed(500)])
    await using running = react(store, checkout({ send: worker(store) }), { clock })
    await running.waitFor(1)
    clock.advance(9 * minuteMs)
    await running.waitFor((await store.append('Noise-1', [paid])).position)
    equal((await doneIn(store)).length, 1)
    clock.advance(2 * minuteMs)
    deepEqual((await doneAt(store, 2)).slice(1), ['remind Order-1 500'])
    clock.advance(5 * minuteMs)
    deepEqual((await doneAt(store, 3)).slice(2), ['cancel Order-1 500'])
  })

  it('never fires a deadline that was cancelled', async () => {
    const store = await open()
    await store.append('Order-1', [placed(500), paid])
    await store.append('Order-2', [placed(700)])
    const clock = manualClock()
    await using running = react(store, checkout({ send: worker(store) }), { clock })
    await running.waitFor(3)
    clock.advance(60 * minuteMs)
    deepEqual((await doneAt(store, 6)).slice(4), ['remind Order-2 700', 'cancel Order-2 700'])
  })

  it('fires what came due while nothing ran, once it knows what has happened meanwhile', async () => {
    const store = await open()
    await store.append('Order-1', [placed(500)])
    await store.append('Order-2', [placed(700)])
    await runOnce(store)
    await store.append('Order-1', [paid])
    const clock = manualClock(Date.now() + 60 * minuteMs)
    await using _ = react(store, checkout({ send: worker(store) }), { clock })
    deepEqual((await doneAt(store, 6)).slice(2), [
      'ship Order-1 500',
      'thank Order-1 500',
      'remind Order-2 700',
      'cancel Order-2 700',
    ])
  })

  it('keeps the correlation of an event in what its commands and deadlines append', async () => {
    const store = await open()
    const metadata = { correlationId: 'req-7', userId: 'user-7' }
    const { eventIds } = await store.append('Order-1', [{ ...placed(500), metadata }])
    const clock = manualClock(Date.now() + 60 * minuteMs)
    await using _ = react(store, checkout({ send: worker(store) }), { clock })
    await doneAt(store, 3)
    const done = await store.readAll({ filter: { types: ['CommandDone'] } }).toArray()
    for (const { metadata } of done) {
      deepEqual([metadata.correlationId, metadata.causationId, metadata.userId], ['req-7', eventIds[0], 'user-7'])
    }
  })

  it('of two that run at once ends one, and nothing takes effect twice', async () => {
    const store = await open()
    for (let order = 1; order <= 20; order++) await store.append(`Order-${order}`, [placed(order)])
    const clock = manualClock(Date.now() + 60 * minuteMs)
    const both = [1, 2].map(() => react(store, checkout({ send: worker(store) }), { clock }))
    await rejects(Promise.all(both.map(({ done }) => done)), { code: 'CHECKPOINT_CONFLICT', checkpoint: 'checkout' })
    const done = await doneAt(store, 60)
    equal(new Set(done).size, 60)
    await Promise.allSettled(both.map((running) => running.stop()))
    equal((await doneIn(store)).length, 60)
  })

  it('forgets an ended process with its deadlines after a day, and knows it until then', async () => {
    const store = await open()
    await store.append('Order-1', [placed(500), paid, shipped])
    const clock = manualClock()
    await using running = react(store, checkout({ send: worker(store) }), { clock })
    await running.waitFor(3)
    const kept = await keptBy(store)
    equal(kept.length, 2)
    ok(kept.includes('process/Order-1'))
    clock.advance(25 * 60 * minuteMs)
    while ((await keptBy(store)).length > 0) await clock.turn()
    equal((await doneIn(store)).length, 3)
  })
})
