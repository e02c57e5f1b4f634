import type { KurrentClient, KurrentEvent, KurrentResolved } from './driver.ts'
import { isClosedStream, isNotFound } from './errors.ts'
import type { Names } from './names.ts'

/** A database of KurrentDB, and the names of the store in it. */
export interface Connection {
  readonly client: KurrentClient
  readonly names: Names
}

/** Calls that are under way at the same time for one call of the engine. */
const callsAtOnce = 32

/** The last event of a stream; undefined when it shows none, `'closed'` when KurrentDB has closed it for ever. */
export async function lastOf({ client }: Connection, streamName: string): Promise<KurrentEvent | 'closed' | undefined> {
  const options = { direction: 'backwards', fromRevision: 'end', maxCount: 1, requiresLeader: true } as const
  return firstOf(client.readStream(streamName, options))
}

/** The event of a stream at a revision, or the first one after it that the stream shows. */
export async function eventFrom(
  { client }: Connection,
  streamName: string,
  revision: number,
): Promise<KurrentEvent | 'closed' | undefined> {
  const fromRevision = BigInt(revision)
  return firstOf(
    client.readStream(streamName, { direction: 'forwards', fromRevision, maxCount: 1, requiresLeader: true }),
  )
}

async function firstOf(events: AsyncIterable<KurrentResolved>): Promise<KurrentEvent | 'closed' | undefined> {
  try {
    for await (const resolved of events) return shown(resolved)
    return undefined
  } catch (error) {
    if (isNotFound(error)) return undefined
    if (isClosedStream(error)) return 'closed'
    throw error
  }
}

/** The event that lies where it was read: a link itself, not what it leads to. */
export function shown({ event, link }: KurrentResolved): KurrentEvent | undefined {
  return link ?? event
}

/** What becomes of each, asked for several at a time, in the order given. */
export async function each<Item, Result>(
  items: readonly Item[],
  ask: (item: Item) => Promise<Result>,
): Promise<readonly Result[]> {
  const results: Result[] = []
  for (let at = 0; at < items.length; at += callsAtOnce) {
    results.push(...(await Promise.all(items.slice(at, at + callsAtOnce).map(ask))))
  }
  return results
}
