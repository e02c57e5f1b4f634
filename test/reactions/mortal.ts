/** A life of a reaction that can end at each of its steps: each call to the shelf, to the head, and each command. */
import { deepEqual } from 'node:assert/strict'
import type { Clock } from '../../store/src/engine/clock.ts'
import { systemClock } from '../../store/src/engine/system-clock.ts'
import type { EventStore } from '../../store/src/event-store.ts'
import type { Reader } from '../../store/src/model/call.ts'
import type { ShelfItem } from '../../store/src/model/shelf.ts'
import type { ReactionStore } from '../../store/src/reactions/run.ts'
import { type CheckoutOptions, type Command, doneIn, keptBy, minuteMs, paid, placed, shipped } from './orders.ts'

/** A clock that is long after everything is due, also what an ended process is remembered by. */
export const longAfter: Clock = { ...systemClock, now: () => Date.now() + 3 * 24 * 60 * minuteMs }

/** Called before each step, and waited for; ends the life by throwing, or by ending the program. */
export type Step = () => unknown

/** A store, of which each call that changes or looks up something is a step. */
export function mortalStore(store: EventStore, step: Step): ReactionStore {
  const { shelf } = store
  const stepping = <Given extends unknown[], Result>(call: (...given: Given) => Promise<Result>) => {
    return async (...given: Given): Promise<Result> => {
      await step()
      return call(...given)
    }
  }
  const list = (...given: Parameters<EventStore['shelf']['list']>): Reader<ShelfItem> => {
    step()
    return shelf.list(...given)
  }
  return {
    capabilities: store.capabilities,
    subscribe: store.subscribe,
    head: stepping(store.head),
    shelf: { get: stepping(shelf.get), put: stepping(shelf.put), delete: stepping(shelf.delete), list },
  }
}

/** What takes commands, each a step before and one after it took effect. */
export function mortalSend(send: CheckoutOptions['send'], step: Step): CheckoutOptions['send'] {
  return async (command: Command, sending) => {
    await step()
    await send(command, sending)
    await step()
  }
}

/** One order is paid, one is never paid, and one is over before it is paid. */
export async function placeOrders(store: EventStore): Promise<void> {
  await store.append('Order-1', [placed(100)])
  await store.append('Order-2', [placed(200)])
  await store.append('Order-3', [placed(300), shipped])
  await store.append('Order-1', [paid])
}

/** What has to come of them, each once, and what has to be left on the shelf: nothing of what is over. */
const effects = [
  'cancel Order-2 200',
  'remind Order-2 200',
  'request-payment Order-1 100',
  'request-payment Order-2 200',
  'request-payment Order-3 300',
  'ship Order-1 100',
  'thank Order-1 100',
]
const left = ['process/Order-1']

/** Whether everything has been done that has to be, however often. */
export async function isSettled(store: EventStore): Promise<boolean> {
  const kept = await keptBy(store)
  return kept.length <= left.length && (await doneIn(store)).length >= effects.length
}

/** Fails unless every command took effect once, every deadline fired or was cancelled, and nothing is left behind. */
export async function expectOnce(store: EventStore): Promise<void> {
  deepEqual([...(await doneIn(store))].sort(), effects)
  deepEqual(await keptBy(store), left)
  const cancelled = await store.readAll({ filter: { types: ['OrderCancelled'] } }).toArray()
  deepEqual(
    cancelled.map(({ streamId }) => streamId),
    ['Order-2'],
  )
}
