import { deepEqual, equal } from 'node:assert/strict'
import { describe, it } from 'vitest'
import { z } from 'zod'
import type { Engine } from '../engine/engine.ts'
import { memory } from '../engines/memory/index.ts'
import type { EventStore } from '../event-store.ts'
import type { StandardSchema } from '../model/standard-schema.ts'
import { openStore } from '../open-store.ts'
import { defineEvents, event } from '../schema/events.ts'
import { aggregate } from './aggregate.ts'
import { type Decider, defineDecider } from './decider.ts'
import { execute } from './execute.ts'
import { repository } from './repository.ts'
import type { CommandStore } from './task.ts'

const streamId = 'Tally-1'
const events = defineEvents({ Added: event<{ n: number; sum: number }>() })

const opened = (): EventStore => openStore({ engine: memory() })

/** Executes commands at once, and says what each event was decided on. */
async function sums<Command, State>(
  store: CommandStore & Pick<EventStore, 'readStream'>,
  decider: Decider<typeof events, Command, State>,
  commands: readonly NoInfer<Command>[],
): Promise<readonly unknown[]> {
  const settled = await Promise.allSettled(commands.map((command) => execute(store, { decider, streamId, command })))
  const refused = settled.flatMap((one) => (one.status === 'rejected' ? [String(one.reason.message)] : []))
  const stored = await store.readStream(streamId).toArray()
  return [...stored.map(({ data }) => (data as { sum: number }).sum), ...refused]
}

describe('the state that commands of one round share', () => {
  it('may be changed in place by evolve', async () => {
    const decider = defineDecider({
      events,
      initialState: () => ({ sum: 0 }),
      decide: (n: number, { sum }) => {
        if (n < 0) throw new RangeError(`not ${n}`)
        return { type: 'Added', data: { n, sum: sum + n } }
      },
      evolve: (state, { data }) => Object.assign(state, { sum: data.sum }),
    })
    deepEqual(await sums(opened(), decider, [1, -1, 2, 3]), [1, 3, 6, 'not -1'])
  })

  it('may be an instance of a class: then each command has an append of its own', async () => {
    class Total {
      #sum = 0
      add(n: number): this {
        this.#sum += n
        return this
      }
      get sum(): number {
        return this.#sum
      }
    }
    const decider = defineDecider({
      events,
      initialState: () => new Total(),
      decide: (n: number, total) => ({ type: 'Added', data: { n, sum: total.add(n).sum } }),
      evolve: (total, { data }) => total.add(data.n),
    })
    deepEqual(await sums(opened(), decider, [1, 2, 3]), [1, 3, 6])
    deepEqual(await sums(opened(), decider, [4, 5]), [4, 9])
  })

  it('is not counted twice by an aggregate that changes it in place', async () => {
    class Tally extends aggregate({
      category: 'Tally',
      events,
      initialState: () => ({ sum: 0 }),
      evolve: (state, { data }) => Object.assign(state, { sum: data.sum }),
    }) {
      add(n: number): void {
        this.record({ type: 'Added', data: { n, sum: this.state.sum + n } })
        if (n === 13) throw new RangeError('not 13')
      }
    }
    const store = opened()
    const tallies = repository(store, Tally)
    const told = await Promise.allSettled([1, 13, 2].map((n) => tallies.execute('1', (tally) => tally.add(n))))
    deepEqual(
      told.map(({ status }) => status),
      ['fulfilled', 'rejected', 'fulfilled'],
    )
    equal((await tallies.load('1')).state.sum, 3)
  })

  it('is kept in a snapshot as it was read, whatever is decided on it meanwhile', async () => {
    const decider = defineDecider({
      events,
      initialState: () => ({ sum: 0 }),
      decide: (n: number, state) => {
        state.sum += n
        return { type: 'Added', data: { n, sum: state.sum } }
      },
      evolve: (state, { data }) => Object.assign(state, { sum: data.sum }),
      snapshot: { name: 'tally', everyEvents: 2 },
    })
    const store = opened()
    for (const command of [1, 2]) await execute(store, { decider, streamId, command })
    const sent = [3, 4, 5].map((command) => execute(store, { decider, streamId, command }))
    const outcomes = await Promise.all((await Promise.all(sent)).map(({ snapshot }) => snapshot))
    deepEqual(outcomes, [{ status: 'taken', version: 2 }, { status: 'under_way' }, { status: 'under_way' }])
    const [kept] = await store.shelf.list({ prefix: 'snapshot/' }).toArray()
    deepEqual(kept?.value, { ...(kept?.value as object), version: 2, state: { sum: 3 } })
    deepEqual(await sums(store, decider, []), [1, 3, 6, 10, 15])
  })
})

describe('an event that commands of one round are decided on', () => {
  it('is as it will be read: what the schema makes of it, and JSON', async () => {
    const dated = defineEvents({ Added: z.object({ at: z.date(), n: z.number().default(7), sum: z.string() }) })
    const decider = defineDecider({
      events: dated,
      initialState: () => '',
      decide: (at: Date, state) => ({ type: 'Added', data: { at, sum: state } }),
      evolve: (state, { data }) => `${state} ${typeof data.at} ${data.n}`,
    })
    const told = [1, 2].map((ms) => execute(opened(), { decider, streamId, command: new Date(ms) }))
    equal((await Promise.all(told)).length, 2)
    const store = opened()
    await Promise.all([1, 2].map((ms) => execute(store, { decider, streamId, command: new Date(ms) })))
    const stored = await store.readStream(streamId).toArray()
    deepEqual(
      stored.map(({ data }) => (data as { sum: string }).sum),
      ['', ' string 7'],
    )
  })

  it('is validated once, also where that takes a while', async () => {
    const validated: number[] = []
    const schema: StandardSchema<{ n: number; sum: number }> = {
      '~standard': {
        version: 1,
        vendor: 'slow',
        validate: async (value) => {
          const { n } = value as { n: number; sum: number }
          validated.push(n)
          return n > 0 ? { value: value as { n: number; sum: number } } : { issues: [{ message: 'is not positive' }] }
        },
      },
    }
    const slow = defineEvents({ Added: schema })
    const decider = defineDecider({
      events: slow,
      initialState: () => 0,
      decide: (n: number, sum) => ({ type: 'Added', data: { n, sum: sum + n } }),
      evolve: (_, { data }) => data.sum,
    })
    const store = opened()
    const told = await Promise.allSettled([1, 2, 0, 4].map((command) => execute(store, { decider, streamId, command })))
    deepEqual(
      told.map((one) => (one.status === 'rejected' ? one.reason.code : one.value.version)),
      [1, 2, 'PAYLOAD_INVALID', 3],
    )
    // What is refused is refused in the words of an append of its own, which asks again.
    deepEqual(validated, [1, 2, 0, 0, 4])
  })

  it('may be one that evolve cannot take: it is appended, and what comes after it is told why it cannot be decided', async () => {
    const decider = defineDecider({
      events,
      initialState: () => 0,
      decide: (n: number, sum) => ({ type: 'Added', data: { n, sum: sum + n } }),
      evolve: (_, { data }) => {
        if (data.n === 13) throw new RangeError('13 is none')
        return data.sum
      },
    })
    deepEqual(await sums(opened(), decider, [1, 13, 2, 3]), [1, 14, '13 is none', '13 is none'])
  })

  it('may hold bytes, and be of any content type', async () => {
    const bytes = defineEvents({ Added: event<Uint8Array>() })
    const decider = defineDecider({
      events: bytes,
      initialState: () => 0,
      decide: (contentType: string | undefined, sum) => {
        const data = contentType === 'application/json' ? Buffer.from(`{"length":${sum + 1}}`) : new Uint8Array(sum + 1)
        return { type: 'Added', data, ...(contentType !== undefined && { contentType }) }
      },
      evolve: (_, { data }) => data.length,
    })
    const store = opened()
    const types = [undefined, 'image/png', 'application/json', undefined, 'text/plain']
    const told = types.map((command) => execute(store, { decider, streamId, command }))
    deepEqual(
      (await Promise.all(told)).map(({ version }) => version),
      [1, 2, 3, 4, 5],
    )
    const stored = await store.readStream(streamId).toArray()
    deepEqual(
      stored.map(({ data }) => (data as Uint8Array).length),
      [1, 2, 3, 4, 5],
    )
  })
})

/** An engine whose positions have holes: every one is ten times that of the engine beneath. */
function withHoles(engine: Engine): Engine {
  return {
    ...engine,
    capabilities: { ...engine.capabilities, gaplessPositions: false },
    append: async (...given) =>
      (await engine.append(...given)).map((one) =>
        'firstPosition' in one
          ? { ...one, firstPosition: one.firstPosition * 10, lastPosition: one.lastPosition * 10 }
          : one,
      ),
    read: async (query, signal) => {
      const page = await engine.read(query, signal)
      const events = page.events.map((one) => ({ ...one, position: one.position * 10 }))
      return { ...page, events, head: page.head * 10 }
    },
  }
}

it('each command is told the position of its own last event, also where positions have holes', async () => {
  const store = openStore({ engine: withHoles(memory()) })
  const decider = defineDecider({
    events,
    initialState: () => 0,
    decide: (count: number, sum) =>
      Array.from({ length: count }, (_, n) => ({ type: 'Added' as const, data: { n, sum: sum + n + 1 } })),
    evolve: (_, { data }) => data.sum,
  })
  const sent = [1, 0, 3, 2].map((command) => execute(store, { decider, streamId, command }))
  deepEqual(
    (await Promise.all(sent)).map(({ version, position }) => [version, position]),
    [
      [1, 10],
      [1, 10],
      [4, 40],
      [6, 60],
    ],
  )
})
