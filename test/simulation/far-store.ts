import type { EventStore } from '../../store/src/event-store.ts'
import type { Reader, SubscribeOptions } from '../../store/src/model/call.ts'
import { EngineUnavailable } from '../../store/src/model/errors.ts'
import type { StoreShelf } from '../../store/src/model/shelf.ts'
import type { Program, World } from './programs.ts'

/** How bad the way to the store is. Can be changed while the world goes on. */
export interface Weather {
  /** Milliseconds that a request, or an answer, is on its way at the most. */
  latencyMs: number
  /** One in so many calls fails: before it arrived, after it was carried out, or so that it arrives later; 0 for none. */
  lossOneIn: number
  /** Milliseconds that a request may be on its way after its sender has given it up: longer than it takes to be taken for lost. */
  readonly lateMs: number
  /** Called with what befalls a call. */
  readonly struck: (how: (typeof bad)[number]) => void
}

const good = ['arrives'] as const
const bad = ['requestLost', 'answerLost', 'arrivesLate'] as const

/** Ways to something far away. */
interface Ways {
  /** A call there and back. */
  far<Result>(call: () => Promise<Result>): Promise<Result>
  /** Items that come one after the other. */
  one<Item>(items: AsyncIterable<Item>): AsyncGenerator<Item>
  /** Read whole, as a page. */
  reader<Item>(near: Reader<Item>): Reader<Item>
}

function waysOf(world: World, program: Program, weather: Weather): Ways {
  const { random } = world
  const isLost = (): boolean => weather.lossOneIn > 0 && random.oneIn(weather.lossOneIn)
  const onTheWay = (): Promise<void> => world.sleep(random.below(weather.latencyMs + 1))
  const away = (): EngineUnavailable => new EngineUnavailable('simulated', 'the way is cut')

  async function far<Result>(call: () => Promise<Result>): Promise<Result> {
    await onTheWay()
    const fate = random.pick(isLost() ? bad : good)
    if (fate !== 'arrives') weather.struck(fate)
    const outcome = fate === 'arrives' || fate === 'answerLost' ? await settled(call) : undefined
    if (fate === 'arrivesLate') void world.sleep(random.below(weather.lateMs)).then(() => settled(call))
    await onTheWay()
    await program.gate()
    if (fate !== 'arrives' || outcome === undefined) throw away()
    if ('error' in outcome) throw outcome.error
    return outcome.result
  }

  async function* one<Item>(items: AsyncIterable<Item>): AsyncGenerator<Item> {
    const iterator = items[Symbol.asyncIterator]()
    try {
      for (;;) {
        const next = await settled(() => iterator.next())
        await onTheWay()
        await program.gate()
        if ('error' in next) throw next.error
        if (next.result.done === true) return
        yield next.result.value
      }
    } finally {
      await iterator.return?.()
    }
  }

  function reader<Item>(near: Reader<Item>): Reader<Item> {
    const toArray = (): Promise<Item[]> => far(() => near.toArray())
    return {
      [Symbol.asyncIterator]: async function* () {
        yield* await toArray()
      },
      toArray,
      first: async () => (await toArray())[0],
      last: async () => (await toArray()).at(-1),
    }
  }

  return { far, one, reader }
}

/**
 * A store as a program far away sees it: each call takes time there and back, and fails now and then, whether or not it is
 * carried out. What a killed program has sent arrives all the same.
 */
export function farStore(world: World, program: Program, store: EventStore, weather: Weather): EventStore {
  const { far, one, reader } = waysOf(world, program, weather)
  const shelf: StoreShelf = {
    get: (key) => far(() => store.shelf.get(key)),
    put: (key, value, options) => {
      // What is sent is what it was when it was sent.
      const text = JSON.stringify(value)
      return far(() => store.shelf.put(key, JSON.parse(text), options))
    },
    delete: (key, options) => far(() => store.shelf.delete(key, options)),
    list: (options) => reader(store.shelf.list(options)),
  }
  return {
    ...store,
    shelf,
    append: (streamId, events, options) => far(() => store.append(streamId, events, options)),
    appendAll: (writes, options) => far(() => store.appendAll(writes, options)),
    readStream: (streamId, options) => reader(store.readStream(streamId, options)),
    readAll: (options) => reader(store.readAll(options)),
    readEvent: (eventId, options) => far(() => store.readEvent(eventId, options)),
    head: (options) => far(() => store.head(options)),
    streamInfo: (streamId, options) => far(() => store.streamInfo(streamId, options)),
    checkpoints: {
      load: (name) => far(() => store.checkpoints.load(name)),
      save: (name, position, options) => far(() => store.checkpoints.save(name, position, options)),
    },
    subscribe: (options: SubscribeOptions = {}) => {
      const { signal, ...rest } = options
      const until = AbortSignal.any([...(signal ? [signal] : []), program.death])
      // Either form of it gives what the store gives.
      return one(store.subscribe({ ...rest, signal: until } as object)) as AsyncIterable<never>
    },
  }
}

async function settled<Result>(
  call: () => PromiseLike<Result>,
): Promise<{ readonly result: Result } | { readonly error: unknown }> {
  try {
    return { result: await call() }
  } catch (error) {
    return { error }
  }
}
