import { defineDecider } from '../../store/src/deciders/decider.ts'
import { execute } from '../../store/src/deciders/execute.ts'
import { postgres, postgresMaintenance } from '../../store/src/engines/postgres/index.ts'
import { openStore } from '../../store/src/open-store.ts'
import { defineEvents, event } from '../../store/src/schema/events.ts'
import { newEvent } from '../load/events.ts'
import { connectionsMax, type OpenPeer } from './peer.ts'

const counter = defineDecider({
  events: defineEvents({ Counted: event<{ nth: number }>() }),
  initialState: () => 0,
  decide: (nth: number) => ({ type: 'Counted', data: { nth } }),
  evolve: (count) => count + 1,
})

/** Varve through its public API, with everything it checks. */
export const openVarve: OpenPeer = async (url) => {
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
    command: async (streamId, nth) => {
      let version = 0
      let total = 0
      for await (const event of store.readStream(streamId)) {
        version = event.version
        total += (event.data as { readonly total_cents: number }).total_cents
      }
      if (total === 0) throw new Error(`${streamId} is empty`)
      await store.append(streamId, [newEvent(streamId, version, nth)], { expectedVersion: version })
    },
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
