import type { AppendOutcome, AppendRequest, Engine, Page, ReadQuery } from '../../engine/engine.ts'
import { memory } from '../../engines/memory/index.ts'
import { StoreClosed } from '../../model/errors.ts'
import type { EventToStore, StoredEvent } from '../../model/event.ts'
import { limits } from '../../model/limits.ts'
import type { StreamState } from '../../model/stream.ts'
import type { OpenedEngine } from '../run.ts'

/*
 * Wrong engines are the memory engine with one thing done wrong. Each says which rules it must break, so that a rule
 * nobody can break, and a rule that breaks for another one's sake, are both found out.
 */

/** An engine with one thing wrong. */
export interface WrongEngine {
  /** What it does wrong. */
  readonly name: string
  /** The rules it must break, and no others. */
  readonly breaks: readonly string[]
  readonly open: () => OpenedEngine
}

/** What is different about one instance of a wrong engine. `lock` lets one at a time into what takes several steps. */
export type Twist = (engine: Engine, lock: Lock) => Partial<Engine>

/** Runs one thing after the other. */
export type Lock = <Result>(run: () => Promise<Result>) => Promise<Result>

/** A wrong engine. `makeTwist` is called once for each storage, its result once for each instance on it. */
export function wrong(name: string, breaks: readonly string[], makeTwist: () => Twist): WrongEngine {
  return { name, breaks, open: () => openOn(memory(), makeTwist()) }
}

/** The same with a log in four shards. */
export function wrongInShards(name: string, breaks: readonly string[], makeTwist: () => Twist): WrongEngine {
  return { name, breaks, open: () => openOn(memory({ logShards: 4 }), makeTwist()) }
}

/** The memory engine as a storage that can be opened again and again: durable and shared, as far as this process goes. */
export function openOn(
  inner: Engine,
  twist: Twist = () => ({}),
  reopened: () => Promise<Engine> = async () => inner,
): OpenedEngine {
  const lock = createLock()
  const opened = (storage: Engine): Engine => {
    const right = instanceOn(storage)
    const twisted = { ...right, ...twist(right, lock) }
    // What is read otherwise is found otherwise, unless the twist is about finding.
    return twisted.read === right.read || twisted.find !== right.find ? twisted : { ...twisted, find: findIn(twisted) }
  }
  return { engine: opened(inner), reopen: async () => opened(await reopened()), cleanUp: () => inner.close() }
}

function findIn(engine: Engine): Engine['find'] {
  return async (eventId, signal) => {
    signal?.throwIfAborted()
    return (await wholeLog(engine)).find(({ id }) => id === eventId)
  }
}

function createLock(): Lock {
  let last: Promise<unknown> = Promise.resolve()
  return (run) => {
    const result = last.then(run)
    last = result.catch(() => undefined)
    return result
  }
}

/** One instance on a storage, which can be closed without closing the storage. */
function instanceOn(storage: Engine): Engine {
  const closing = new AbortController()
  async function open<Result>(verb: () => Promise<Result>): Promise<Result> {
    if (closing.signal.aborted) throw new StoreClosed('The engine')
    return verb()
  }
  const { shelf } = storage
  return {
    capabilities: { ...storage.capabilities, engine: 'wrong', durable: true, sharedStorage: true },
    append: (batch, signal) => open(() => storage.append(batch, signal)),
    read: (query, signal) => open(() => storage.read(query, signal)),
    find: (eventId, signal) => open(() => storage.find(eventId, signal)),
    head: (signal) => open(() => storage.head(signal)),
    ...(storage.heads && { heads: (signal?: AbortSignal) => open(async () => storage.heads?.(signal) ?? []) }),
    streams: (query, signal) => open(() => storage.streams(query, signal)),
    wake: (signal) => storage.wake(AbortSignal.any([signal, closing.signal])),
    shelf: {
      get: (key, signal) => open(() => shelf.get(key, signal)),
      put: (key, value, options, signal) => open(() => shelf.put(key, value, options, signal)),
      delete: (key, options, signal) => open(() => shelf.delete(key, options, signal)),
      list: (query, signal) => open(() => shelf.list(query, signal)),
    },
    close: async () => closing.abort(),
  }
}

/** Sends one request to the right engine. */
export type Send = (one: AppendRequest) => Promise<AppendOutcome>

/** An append that judges each request in its own way before, after or instead of sending it. */
export function judging(
  engine: Engine,
  lock: Lock,
  judge: (one: AppendRequest, send: Send, batch: Batch) => Promise<AppendOutcome>,
): Pick<Engine, 'append'> {
  return {
    append: async (requests, signal) => {
      signal?.throwIfAborted()
      return lock(async () => {
        const headBefore = await engine.head(signal)
        const outcomes: AppendOutcome[] = []
        const send: Send = async (one) => (await engine.append([one], signal))[0] as AppendOutcome
        for (const one of requests) outcomes.push(await judge(one, send, { requests, outcomes, headBefore }))
        return outcomes
      })
    },
  }
}

/** The batch that a request came in. */
export interface Batch {
  readonly requests: readonly AppendRequest[]
  /** Of the requests before this one. */
  readonly outcomes: readonly AppendOutcome[]
  /** The head before the batch. */
  readonly headBefore: number
}

/** A read whose pages are changed on their way to the reader. */
export function paging(
  engine: Engine,
  change: (page: Page, query: ReadQuery) => Page | Promise<Page>,
): Pick<Engine, 'read'> {
  return { read: async (query, signal) => change(await engine.read(query, signal), query) }
}

/** A read whose events are changed on their way to the reader. */
export function showing(engine: Engine, change: (event: StoredEvent) => StoredEvent): Pick<Engine, 'read'> {
  return paging(engine, (page) => ({ ...page, events: page.events.map(change) }))
}

/** An append whose events are changed on their way into the store. */
export function storing(engine: Engine, change: (event: EventToStore) => EventToStore): Pick<Engine, 'append'> {
  return {
    append: (batch, signal) =>
      engine.append(
        batch.map((one) => ({ ...one, events: one.events.map(change) })),
        signal,
      ),
  }
}

/** Everything in the log, in one go; shard after shard when it has several. */
export async function wholeLog(engine: Engine): Promise<readonly StoredEvent[]> {
  const { logShards } = engine.capabilities
  const events: StoredEvent[] = []
  for (let shard = 0; shard < logShards; shard++) {
    for (let from = 1, end = false; !end; ) {
      const query: ReadQuery = {
        source: { query: 'everything' },
        ...(logShards > 1 && { shard }),
        direction: 'forward',
        from,
        limit: limits.pageEvents,
        maxBytes: limits.pageBytes,
      }
      const page = await engine.read(query)
      events.push(...page.events)
      from = page.next
      end = page.end
    }
  }
  return events
}

/** The state of a stream. */
export async function stateOf(engine: Engine, streamId: string): Promise<StreamState> {
  const { stream } = await engine.read({ source: { streamId }, direction: 'forward', from: 1, limit: 0, maxBytes: 1 })
  return stream as StreamState
}

/** One turn of the event loop: time for somebody else to come in between. */
export function turn(): Promise<void> {
  return new Promise(setImmediate)
}
