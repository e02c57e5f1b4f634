import { defineDecider } from '../../store/src/deciders/decider.ts'
import { execute } from '../../store/src/deciders/execute.ts'
import type { ExecuteOptions } from '../../store/src/deciders/execute-options.ts'
import { recentStates } from '../../store/src/deciders/recent-states.ts'
import { postgres, postgresMaintenance } from '../../store/src/engines/postgres/index.ts'
import type { NewEvent } from '../../store/src/model/event.ts'
import { openStore } from '../../store/src/open-store.ts'
import { defineEvents, event } from '../../store/src/schema/events.ts'
import { newEvent, typeOf } from '../load/events.ts'
import { connectionsMax, type OpenPeer, type Peer } from './peer.ts'

const counter = defineDecider({
  events: defineEvents({ Counted: event<{ nth: number }>() }),
  initialState: () => 0,
  decide: (nth: number) => ({ type: 'Counted', data: { nth } }),
  evolve: (count) => count + 1,
})

/** The orders that commands are for: each adds one event to those there are. */
const order = defineDecider({
  events: defineEvents(
    Object.fromEntries(Array.from({ length: 5 }, (_, nth) => [typeOf('Order-1', nth), event<OrderData>()])),
  ),
  initialState: () => ({ events: 0, totalCents: 0 }),
  decide: ({ streamId, nth }: { readonly streamId: string; readonly nth: number }, { events, totalCents }) => {
    if (totalCents === 0) throw new Error(`${streamId} is empty`)
    return newEvent(streamId, events, nth) as NewEvent<string, OrderData>
  },
  evolve: ({ events, totalCents }, { data }) => ({ events: events + 1, totalCents: totalCents + data.total_cents }),
})

interface OrderData {
  readonly total_cents: number
}

/** Varve through its public API, with everything it checks. */
export const openVarve: OpenPeer = (url) => opened(url, {})

/** The same, as a process that remembers the states of the streams that its commands are for. */
export const openRemembering: OpenPeer = (url) => opened(url, { recent: recentStates() })

async function opened(url: string, options: ExecuteOptions): Promise<Peer> {
  const store = openStore({ engine: postgres({ url, connectionsMax }) })
  await store.head()
  const stop = new AbortController()
  const following: Promise<unknown>[] = []
  return {
    appendOne: (streamId, version, nth) =>
      store.append(streamId, [newEvent(streamId, version, nth)], { expectedVersion: version }),
    appendMany: (streamId, events, nth) =>
      store.append(
        streamId,
        Array.from({ length: events }, (_, place) => newEvent(streamId, place, nth + place)),
        { expectedVersion: 'no_stream' },
      ),
    command: (streamId, nth) => execute(store, { decider: order, streamId, command: { streamId, nth } }, options),
    execute: (streamId, nth, decides) => {
      const decide = (command: number): { readonly type: 'Counted'; readonly data: { readonly nth: number } } => {
        decides()
        return { type: 'Counted', data: { nth: command } }
      }
      return execute(store, { decider: { ...counter, decide }, streamId, command: nth })
    },
    readStream: async (streamId) => {
      let events = 0
      for await (const _ of store.readStream(streamId)) events++
      return events
    },
    async *catchUp() {
      let events = 0
      for await (const { kind } of store.subscribe({ marks: true })) {
        if (kind === 'event' && ++events % 1_000 === 0) yield events
        if (kind === 'caught_up') break
      }
      yield events
    },
    follow: async (seen) => {
      const events = store.subscribe({ from: 'end', marks: true, signal: stop.signal })
      await new Promise<void>((resolve) => {
        const reading = (async () => {
          for await (const one of events) {
            if (one.kind === 'event') seen(one.event.streamId, one.event.version)
            else resolve()
          }
        })()
        following.push(reading.catch(() => undefined))
      })
    },
    close: async () => {
      stop.abort()
      await Promise.all(following)
      await store.close()
    },
  }
}

/** The same with events in parts: small ones, so that a second of appends goes through several. */
export const openVarveInParts: OpenPeer = async (url) => {
  await using maintenance = postgresMaintenance({ url })
  await maintenance.partition(10_000)
  return openVarve(url)
}
