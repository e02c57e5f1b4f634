import type { Capabilities } from '../../engine/capabilities.ts'
import type { Clock } from '../../engine/clock.ts'
import type { Engine } from '../../engine/engine.ts'
import { unlessAborted } from '../../engine/unless-aborted.ts'
import { StoreClosed } from '../../model/errors.ts'
import { append } from './append.ts'
import type { NewId } from './commit.ts'
import type { Connection } from './connection.ts'
import { type KurrentClient, openClient } from './driver.ts'
import { translated } from './errors.ts'
import { find } from './event-ids.ts'
import { createMemory } from './knowledge.ts'
import { headOf } from './log.ts'
import { namesIn } from './names.ts'
import { read } from './read.ts'
import { kurrentShelf } from './shelf.ts'
import { createNameList, listStreams, type NameList } from './streams.ts'
import { wake } from './wake.ts'

/** Where the client comes from: the caller's own, which is not closed, or one for a connection string. */
export type Source = { readonly client: KurrentClient } | { readonly url: string }

/** Checked options of the engine. */
export interface Opening {
  readonly source: Source
  readonly namespace: string
  readonly newId: NewId
  readonly clock: Clock
}

/** What the engine can do on KurrentDB 26.1 or later. */
const capabilities: Capabilities = {
  engine: 'kurrentdb',
  gaplessPositions: false,
  appendConditions: false,
  multiStreamAppends: true,
  durable: true,
  sharedStorage: true,
  callerTransactions: false,
  logShards: 1,
  batchesInFlight: 1,
  readsOverNetwork: true,
}

interface Open {
  readonly connection: Connection
  readonly streams: NameList
  readonly keys: NameList
}

/** Opens the engine. Nothing is sent before the first call. */
export function openEngine({ source, namespace, newId, clock }: Opening): Engine {
  const names = namesIn(namespace)
  const memory = createMemory()
  const closing = new AbortController()
  const underWay = new Set<Promise<unknown>>()
  let opened: Promise<Open> | undefined

  async function open(): Promise<Open> {
    const client = 'client' in source ? source.client : await openClient(source.url)
    const connection = { client, names }
    return {
      connection,
      streams: createNameList(connection, names.streamsName, (data) => (data as { readonly stream: string }).stream),
      keys: createNameList(connection, names.shelfKeysName, (data) => (data as { readonly key: string }).key),
    }
  }

  async function run<Result>(signal: AbortSignal | undefined, verb: (open: Open) => Promise<Result>): Promise<Result> {
    if (closing.signal.aborted) throw new StoreClosed('The engine')
    signal?.throwIfAborted()
    opened ??= open()
    const running = opened.then(verb).catch((error: unknown) => {
      throw translated(error)
    })
    const settled = running.catch(() => undefined).finally(() => underWay.delete(settled))
    underWay.add(settled)
    return unlessAborted(running, signal)
  }

  async function close(): Promise<void> {
    closing.abort()
    while (underWay.size > 0) await Promise.all(underWay)
    const open = await opened?.catch(() => undefined)
    if ('url' in source) await open?.connection.client.dispose()
  }

  let closed: Promise<void> | undefined
  return {
    capabilities,
    append: (batch, signal) =>
      run(signal, async ({ connection }) => {
        try {
          return await append({ connection, memory, newId }, batch)
        } catch (error) {
          // What was written is not known any more, and neither is how streams stand.
          memory.forget()
          throw error
        }
      }),
    read: (query, signal) => run(signal, ({ connection }) => read(connection, query)),
    find: (eventId, signal) => run(signal, ({ connection }) => find(connection, eventId)),
    head: (signal) => run(signal, ({ connection }) => headOf(connection)),
    streams: (query, signal) => run(signal, ({ connection, streams }) => listStreams(connection, streams, query)),
    wake: (signal) =>
      wake(
        async () => {
          opened ??= open()
          return (await opened).connection
        },
        clock,
        AbortSignal.any([signal, closing.signal]),
      ),
    shelf: kurrentShelf((signal, verb) => run(signal, ({ connection, keys }) => verb({ connection, keys, newId }))),
    close: () => {
      closed ??= close()
      return closed
    },
  }
}
