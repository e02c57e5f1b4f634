import { randomUUID } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Random } from '../../store/src/conformance/seeded.ts'
import type { EventStore } from '../../store/src/event-store.ts'

/** Customers of a shop, who order all at once, and whose answers get lost now and then. */
export interface Customers {
  /** What was acknowledged: by the id of the event its stream and its version there. */
  readonly acknowledged: ReadonlyMap<string, string>
  /** From now on they order from this store. */
  orderFrom(store: EventStore): void
  /** Waits for what is under way, and keeps them from ordering more. */
  hold(): Promise<void>
  /** Sends again what nobody had an answer for. */
  settle(): Promise<void>
}

interface Order {
  readonly id: string
  readonly streamId: string
}

const customersMax = 8
const streams = 50
/** Of so many answers one is lost. */
const lostOneIn = 10

/** @param random who loses an answer, and when. */
export function customersOf(random: Random): Customers {
  const acknowledged = new Map<string, string>()
  /** Whoever got no answer sends the same again, wherever the store is by then. */
  const unanswered: Order[] = []
  let store: EventStore | undefined
  let ordering: Promise<unknown> = Promise.resolve()
  let isHeld = false
  let ordered = 0

  async function send(order: Order): Promise<void> {
    const { id, streamId } = order
    const appended = await store?.append(streamId, [{ id, type: 'Ordered', data: { id } }])
    if (!isHeld && random.oneIn(lostOneIn)) unanswered.push(order)
    else acknowledged.set(id, `${streamId} ${appended?.version}`)
  }

  async function orderOn(customer: number): Promise<void> {
    while (!isHeld) {
      await send(
        unanswered.shift() ?? { id: randomUUID(), streamId: `Customer-${(customer * 7 + ordered++) % streams}` },
      )
      await sleep(5)
    }
  }

  return {
    acknowledged,
    orderFrom: (next) => {
      store = next
      isHeld = false
      ordering = Promise.all(Array.from({ length: customersMax }, (_, customer) => orderOn(customer)))
    },
    hold: async () => {
      isHeld = true
      await ordering
    },
    settle: async () => {
      for (const order of unanswered.splice(0)) await send(order)
    },
  }
}
