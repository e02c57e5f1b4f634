/** Orders and what follows from them: the process that tests run, kill and race. */
import type { EventStore } from '../../store/src/event-store.ts'
import type { Reaction, Sending } from '../../store/src/reactions/reaction.ts'
import { defineReaction } from '../../store/src/reactions/reaction.ts'
import { defineEvents, event } from '../../store/src/schema/events.ts'

export const minuteMs = 60_000

export const orderEvents = defineEvents({
  OrderPlaced: event<{ cents: number }>(),
  OrderPaid: event<object>(),
  OrderCancelled: event<{ why: string }>(),
  OrderShipped: event<object>(),
})

/** What the process asks for. */
export interface Command {
  readonly kind: 'request-payment' | 'ship' | 'thank' | 'remind' | 'cancel'
  readonly order: string
  readonly cents: number
}

/** What {@link checkout} can be told. */
export interface CheckoutOptions {
  readonly name?: string
  readonly version?: number
  readonly send: (command: Command, sending: Sending) => Promise<unknown>
  /** What the state adds to the price: shows which version folded it. */
  readonly surcharge?: number
  /** Noted whenever a rule decides. */
  readonly decided?: (what: string) => void
}

/** Payment within 15 minutes, or 5 after a reminder, which comes after 10; else the order is cancelled. Paid, it is shipped. */
export function checkout({ send, decided, surcharge = 0, ...options }: CheckoutOptions): Reaction {
  return defineReaction({
    name: 'checkout',
    ...options,
    events: orderEvents,
    filter: { categories: ['Order'] },
    initialState: () => ({ step: 'new', cents: 0, order: '' }),
    evolve: (state, { type, data, streamId }) => {
      if (type === 'OrderPlaced') return { step: 'placed', cents: data.cents + surcharge, order: streamId }
      return { ...state, step: { OrderPaid: 'paid', OrderCancelled: 'over', OrderShipped: 'over' }[type] }
    },
    isEnded: ({ step }) => step === 'over',
    on: {
      OrderPlaced: ({ order, cents }, { id }) => {
        decided?.(id)
        return {
          send: { kind: 'request-payment', order, cents },
          deadlines: { unasked: { afterMs: 10 * minuteMs }, unpaid: { afterMs: 15 * minuteMs } },
        }
      },
      OrderPaid: ({ order, cents }, { id }) => {
        decided?.(id)
        return {
          send: [
            { kind: 'ship', order, cents },
            { kind: 'thank', order, cents },
          ],
          deadlines: { unasked: 'cancel', unpaid: 'cancel' },
        }
      },
    },
    onDeadline: {
      unasked: ({ order, cents }, { dueAtMs }) => {
        decided?.(`unasked ${order} ${dueAtMs}`)
        return { send: { kind: 'remind', order, cents }, deadlines: { unpaid: { afterMs: 5 * minuteMs } } }
      },
      unpaid: ({ order, cents }, { dueAtMs }) => {
        decided?.(`unpaid ${order} ${dueAtMs}`)
        return { send: { kind: 'cancel', order, cents } }
      },
    },
    send,
  })
}

/**
 * Whoever the commands are for: each takes effect once, as an event whose id follows from the command's. An order is
 * cancelled, or shipped, unless it was the other before.
 */
export function worker(store: EventStore): CheckoutOptions['send'] {
  return async (command, { commandId, signal }) => {
    const options = { idempotencyKey: commandId, signal }
    await store.append(`Work-${command.kind}`, [{ type: 'CommandDone', data: { ...command, commandId } }], options)
    if (command.kind === 'cancel') {
      await store.append(command.order, [{ type: 'OrderCancelled', data: { why: 'unpaid' } }], options)
    }
  }
}

/** What took effect: every command, as often as it did. */
export async function doneIn(store: EventStore): Promise<readonly string[]> {
  const done: string[] = []
  for await (const { data } of store.readAll({ filter: { types: ['CommandDone'] } })) {
    const { kind, order, cents } = data as Command
    done.push(`${kind} ${order} ${cents}`)
  }
  return done
}

/** Waits until so many commands took effect, and gives them. */
export async function doneAt(store: EventStore, count: number): Promise<readonly string[]> {
  let seen = 0
  for await (const _ of store.subscribe({ filter: { types: ['CommandDone'] } })) if (++seen === count) break
  return doneIn(store)
}

export const placed = (cents: number) => ({ type: 'OrderPlaced', data: { cents } })
export const paid = { type: 'OrderPaid', data: {} }
export const shipped = { type: 'OrderShipped', data: {} }

/** Whatever a reaction left on the shelf besides its place: keys without the reaction's name. */
export async function keptBy(store: EventStore, name = 'checkout'): Promise<readonly string[]> {
  const items = await store.shelf.list({ prefix: `reaction/${name}/` }).toArray()
  return items.map(({ key }) => key.slice(`reaction/${name}/`.length)).filter((key) => key !== 'place')
}
