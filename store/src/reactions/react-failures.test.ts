import { deepEqual, equal, ok, rejects, throws } from 'node:assert/strict'
import { it } from 'vitest'
import { manualClock } from '../../../test/reactions/manual-clock.ts'
import {
  type Command,
  checkout,
  doneAt,
  doneIn,
  minuteMs,
  orderEvents,
  paid,
  placed,
  shipped,
  worker,
} from '../../../test/reactions/orders.ts'
import { memory } from '../engines/memory/index.ts'
import type { EventStore } from '../event-store.ts'
import { EngineUnavailable, InvalidArgument } from '../model/errors.ts'
import { limits } from '../model/limits.ts'
import { openStore } from '../open-store.ts'
import { react } from './react.ts'
import { defineReaction } from './reaction.ts'

const opened = (): EventStore => openStore({ engine: memory() })

/** A clock on which pauses take no time; only waiting for what has no end does. */
const hasty = () => {
  const clock = manualClock()
  const slept: number[] = []
  const sleep = (ms: number, signal?: AbortSignal): Promise<void> => {
    if (ms >= 30_000) return clock.sleep(ms, signal)
    slept.push(ms)
    return Promise.resolve()
  }
  return { slept, clock: { ...clock, sleep } }
}

/** A store whose shelf fails after each of its first writes, in a way that leaves open whether they happened. */
function flaky(store: EventStore, failures: number): EventStore {
  let left = failures
  const put: EventStore['shelf']['put'] = async (key, value, options) => {
    const version = await store.shelf.put(key, value, options)
    if (left-- > 0) throw new EngineUnavailable('memory', 'the answer was lost')
    return version
  }
  return { ...store, shelf: { ...store.shelf, put } }
}

it('tries to send again after growing pauses, and loses nothing', async () => {
  const store = opened()
  const { clock, slept } = hasty()
  await store.append('Order-1', [placed(500)])
  let failures = 3
  const send = async (command: Command, sending: { commandId: string; signal: AbortSignal }) => {
    if (failures-- > 0) throw new Error('out of reach')
    return worker(store)(command, sending)
  }
  await using running = react(store, checkout({ send }), { clock })
  await running.waitFor(1)
  deepEqual(slept.slice(0, 3), [100, 200, 400])
  deepEqual(await doneIn(store), ['request-payment Order-1 500'])
})

it('ends with REACTION_FAILED when a command cannot be sent, and sends it at the next start', async () => {
  const store = opened()
  const { eventIds } = await store.append('Order-1', [placed(500)])
  const send = () => Promise.reject(new Error('out of reach'))
  const { clock, slept } = hasty()
  await rejects(react(store, checkout({ send }), { clock }).done, {
    code: 'REACTION_FAILED',
    reaction: 'checkout',
    eventId: eventIds[0],
    eventType: 'OrderPlaced',
    position: 1,
    processId: 'Order-1',
    commandId: `checkout/${eventIds[0]}/1`,
    message: /could not send command .* at event .*: out of reach\. It stopped and lost nothing/,
  })
  equal(slept.length, limits.sendAttempts - 1)
  await using running = react(store, checkout({ send: worker(store) }))
  await running.waitFor(1)
  deepEqual(await doneIn(store), ['request-payment Order-1 500'])
})

it('does not try again what an error of the store says is in vain', async () => {
  const store = opened()
  const { clock, slept } = hasty()
  await store.append('Order-1', [placed(500)])
  const send = () => Promise.reject(new InvalidArgument('events', 'is empty'))
  await rejects(react(store, checkout({ send }), { clock }).done, { code: 'REACTION_FAILED' })
  deepEqual(slept, [])
})

it('ends with REACTION_FAILED where a rule throws, before the event, and resumes there', async () => {
  const store = opened()
  await store.append('Order-1', [placed(500), paid])
  const decided = (): void => {
    throw new RangeError('no such rule')
  }
  const failed = { code: 'REACTION_FAILED', position: 1, commandId: undefined, deadline: undefined }
  await rejects(react(store, checkout({ send: worker(store), decided })).done, failed)
  await using running = react(store, checkout({ send: worker(store) }))
  await running.waitFor(2)
  equal((await doneIn(store)).length, 3)
})

it('says which event made a process too large to be kept', async () => {
  const store = opened()
  const large = defineReaction({
    name: 'large',
    events: orderEvents,
    on: { OrderPlaced: () => ({ send: 'x'.repeat(limits.shelfValueBytes) }) },
    send: async (_: string) => undefined,
  })
  await store.append('Order-1', [placed(500)])
  const failed = { code: 'REACTION_FAILED', processId: 'Order-1', position: 1, message: /limits\.shelfValueBytes/ }
  await rejects(react(store, large).done, failed)
})

it('says which deadline it was where its rule throws', async () => {
  const store = opened()
  await store.append('Order-1', [placed(500)])
  const decided = (what: string): void => {
    if (what.startsWith('unasked')) throw new RangeError('no such rule')
  }
  const clock = manualClock(Date.now() + 60 * minuteMs)
  const running = react(store, checkout({ send: worker(store), decided }), { clock })
  await rejects(running.done, { code: 'REACTION_FAILED', deadline: 'unasked', processId: 'Order-1', position: 1 })
})

it('goes on when the shelf was away, whether or not what it wrote was kept', async () => {
  const store = opened()
  await store.append('Order-1', [placed(500), paid])
  const { clock } = hasty()
  await using running = react(flaky(store, 5), checkout({ send: worker(store) }), { clock })
  await running.waitFor(2)
  deepEqual(await doneIn(store), ['request-payment Order-1 500', 'ship Order-1 500', 'thank Order-1 500'])
})

it('stops while a command is on its way, and sends it again at the next start', async () => {
  const store = opened()
  await store.append('Order-1', [placed(500)])
  const begun = Promise.withResolvers<void>()
  const hangs = (_: Command, { signal }: { readonly signal: AbortSignal }) => {
    begun.resolve()
    return new Promise<void>((_resolve, reject) => signal.addEventListener('abort', () => reject(signal.reason)))
  }
  const first = react(store, checkout({ send: hangs }))
  await begun.promise
  await first.stop()
  await using second = react(store, checkout({ send: worker(store) }))
  await second.waitFor(1)
  equal((await doneIn(store)).length, 1)
})

it('ends without failure when the store is closed', async () => {
  const store = opened()
  await store.append('Order-1', [placed(500)])
  const running = react(store, checkout({ send: worker(store) }))
  await running.waitFor(1)
  await store.close()
  await running.done
  await rejects(running.waitFor(2), { code: 'STORE_CLOSED' })
})

it('ends without failure when the store is closed in the middle of a command', async () => {
  const store = opened()
  await store.append('Order-1', [placed(500)])
  const send = async (command: Command, sending: { commandId: string; signal: AbortSignal }) => {
    await store.close()
    return worker(store)(command, sending)
  }
  await react(store, checkout({ send })).done
})

it('fires deadlines also while events never stop coming', async () => {
  const store = opened()
  await store.append('Order-1', [placed(500)])
  const clock = manualClock(Date.now() + 60 * minuteMs)
  let isFired = false
  const filling = (async () => {
    for (let order = 2; !isFired; order++) await store.append(`Order-${order}`, [placed(order), paid, shipped])
  })()
  await using _ = react(store, checkout({ send: worker(store) }), { clock })
  for await (const event of store.subscribe({ filter: { types: ['OrderCancelled'] } })) {
    equal(event.streamId, 'Order-1')
    break
  }
  isFired = true
  await filling
})

it('does not save its place each time somebody else appends', async () => {
  const store = opened()
  let saves = 0
  const put: EventStore['shelf']['put'] = (key, ...others) => {
    if (key.endsWith('place')) saves++
    return store.shelf.put(key, ...others)
  }
  await using running = react({ ...store, shelf: { ...store.shelf, put } }, checkout({ send: worker(store) }))
  for (let times = 0; times < 50; times++) {
    await running.waitFor((await store.append('Noise-1', [placed(1)])).position)
  }
  equal(saves, 1)
})

it('is told that another run has moved its place before it fires a deadline', async () => {
  const store = opened()
  await store.append('Order-1', [placed(500)])
  const clock = manualClock()
  const running = react(store, checkout({ send: worker(store) }), { clock })
  await running.waitFor((await store.append('Noise-1', [paid])).position)
  await store.shelf.put('reaction/checkout/place', { version: 1, position: 2, silentUntil: 0 })
  clock.advance(60 * minuteMs)
  await rejects(running.done, { code: 'CHECKPOINT_CONFLICT', checkpoint: 'checkout' })
  deepEqual(await doneIn(store), ['request-payment Order-1 500'])
})

it('drops a deadline that is found due but is not open any more', async () => {
  const store = opened()
  await store.append('Order-1', [placed(500), paid])
  await using running = react(store, checkout({ send: worker(store) }))
  await running.waitFor(2)
  await running.stop()
  const left = { id: 'left/unpaid/1', dueAtMs: 5, processId: 'Order-1', position: 1 }
  await store.shelf.put('reaction/checkout/deadline/0000000000000005/left/unpaid/1', left)
  await using again = react(store, checkout({ send: worker(store) }))
  await again.waitFor((await store.append('Order-2', [placed(700)])).position)
  equal(await store.shelf.get('reaction/checkout/deadline/0000000000000005/left/unpaid/1'), undefined)
  equal((await doneIn(store)).length, 4)
})

it('moves a deadline that is set again, and fires it once', async () => {
  const store = opened()
  const clock = manualClock()
  const sent: string[] = []
  const nudge = defineReaction({
    name: 'nudge',
    events: orderEvents,
    on: { OrderPlaced: (_, { data }) => ({ deadlines: { idle: { afterMs: data.cents * minuteMs } } }) },
    onDeadline: { idle: (_, { dueAtMs }) => ({ send: dueAtMs }) },
    send: async (dueAtMs: number, { commandId }) => sent.push(`${commandId.split('/').slice(2).join('/')} ${dueAtMs}`),
  })
  await store.append('Order-1', [placed(5), placed(20)])
  const second = await store.readStream('Order-1').last()
  await using running = react(store, nudge, { clock })
  await running.waitFor(2)
  clock.advance(10 * minuteMs)
  await running.waitFor((await store.append('Noise-1', [paid])).position)
  deepEqual(sent, [])
  clock.advance(11 * minuteMs)
  while (sent.length === 0) await clock.turn()
  deepEqual(sent, [`idle/2/1 ${(second?.recordedAtMs ?? 0) + 20 * minuteMs}`])
})

it('lets a deadline set the next one, counted from when it was due', async () => {
  const store = opened()
  const due: number[] = []
  const daily = defineReaction({
    name: 'daily',
    events: orderEvents,
    on: { OrderPlaced: () => ({ deadlines: { daily: { afterMs: 1_000 } } }) },
    onDeadline: { daily: (_, { dueAtMs }) => ({ send: dueAtMs, deadlines: { daily: { afterMs: 1_000 } } }) },
    send: async (dueAtMs: number) => due.push(dueAtMs),
  })
  await store.append('Order-1', [placed(5)])
  const startMs = (await store.readStream('Order-1').first())?.recordedAtMs ?? 0
  const clock = manualClock(startMs + 3_500)
  await using _ = react(store, daily, { clock })
  while (due.length < 3) await clock.turn()
  deepEqual(due, [startMs + 1_000, startMs + 2_000, startMs + 3_000])
})

it('refuses options, and a reaction, that are none', () => {
  const store = opened()
  const reaction = checkout({ send: worker(store) })
  throws(() => react(store, reaction, { from: -1 }), { code: 'INVALID_ARGUMENT', argument: 'from' })
  throws(() => react(store, reaction, { attemptsMax: 0 }), { code: 'INVALID_ARGUMENT', argument: 'attemptsMax' })
  for (const none of [undefined, { name: 'checkout', on: {} }] as never[]) {
    throws(() => react(store, none), { code: 'INVALID_ARGUMENT', argument: 'reaction' })
  }
})

it('is done at once when it was stopped before it began', async () => {
  const store = opened()
  await store.append('Order-1', [placed(500)])
  await react(store, checkout({ send: worker(store) }), { signal: AbortSignal.abort() }).done
  deepEqual(await doneIn(store), [])
  await using running = react(store, checkout({ send: worker(store) }))
  await running.waitFor(1)
  ok(running.position >= 1)
  equal((await doneAt(store, 1)).length, 1)
})
