import { deepEqual } from 'node:assert/strict'
import { z } from 'zod'
import { defineDecider } from '../../store/src/deciders/decider.ts'
import { execute } from '../../store/src/deciders/execute.ts'
import type { Executed, ExecuteOptions } from '../../store/src/deciders/execute-options.ts'
import { memory } from '../../store/src/engines/memory/index.ts'
import type { EventStore } from '../../store/src/event-store.ts'
import { openStore } from '../../store/src/open-store.ts'
import { defineEvents, event } from '../../store/src/schema/events.ts'

/** The stream that all commands are for. */
export const streamId = 'Show-1'
const seats = 4

/** Asks for a seat; `'nobody'` takes none. */
export interface Take {
  readonly by: string
  readonly id?: string
  readonly note?: string
}

const events = defineEvents({
  SeatTaken: z.object({ by: z.string().min(1), seat: z.int(), note: z.string().default('') }),
  Sold: event<{ seats: number }>(),
})

/** Every event says what it was decided on. */
export const show = defineDecider({
  events,
  initialState: () => ({ taken: [] as readonly string[] }),
  decide: ({ by, id, note }: Take, { taken }) => {
    if (by === 'nobody') return []
    if (taken.length === seats) throw new RangeError('sold out')
    const data = { by, seat: taken.length + 1, ...(note !== undefined && { note }) }
    return { type: 'SeatTaken', data, ...(id !== undefined && { id }) }
  },
  evolve: (state, { type, data }) => (type === 'Sold' ? state : { taken: [...state.taken, data.by] }),
})

/** A store that notes its reads of streams and its appends, and on which `meanwhile` happens before each append. */
export function watched(meanwhile: (store: EventStore) => unknown = () => undefined): {
  readonly store: EventStore
  readonly calls: string[]
} {
  const inner = openStore({ engine: memory() })
  const calls: string[] = []
  const store: EventStore = {
    ...inner,
    readStream: (...given) => {
      calls.push('read')
      return inner.readStream(...given)
    },
    category: (name, definitions, options) => {
      const category = inner.category(name, definitions, options)
      const stream: typeof category.stream = (id) => ({
        ...category.stream(id),
        append: async (...given) => {
          calls.push(`append ${given[0].length}`)
          await meanwhile(inner)
          return category.stream(id).append(...given)
        },
      })
      return { ...category, stream }
    },
  }
  return { store, calls }
}

/** A command and the options of its execution. */
export type Asked = Take & { readonly options?: ExecuteOptions }

/** Asks for one. */
export const ask = (store: EventStore, { options, ...command }: Asked): Promise<Executed<typeof events>> =>
  execute(store, { decider: show, streamId, command }, options)

/** Asks for all of it at once, and says in a few words what became of each. */
export async function askAll(store: EventStore, all: readonly Asked[]): Promise<readonly string[]> {
  const settled = await Promise.allSettled(all.map((one) => ask(store, one)))
  return settled.map((one) => {
    if (one.status === 'rejected') return String(one.reason.code ?? one.reason.message)
    const { version, attempts, idempotent } = one.value
    return `version ${version}${attempts > 1 ? ` after ${attempts}` : ''}${idempotent ? ' again' : ''}`
  })
}

/** One for each of these names. */
export const by = (...names: readonly string[]): readonly Asked[] => names.map((name) => ({ by: name }))

/** Who has a seat, each the next one. */
export async function guests(store: EventStore): Promise<readonly string[]> {
  const taken = await store.category('Show', events).stream('1').read().toArray()
  const named = taken.flatMap(({ type, data }) => (type === 'SeatTaken' ? [data] : []))
  deepEqual(
    named.map(({ seat }) => seat),
    named.map((_, index) => index + 1),
  )
  return named.map(({ by: name }) => name)
}
