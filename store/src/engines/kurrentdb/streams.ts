import type { StreamsPage, StreamsQuery } from '../../engine/engine.ts'
import { streamInfo } from '../../model/stream.ts'
import { type Connection, each, shown } from './connection.ts'
import { isNotFound } from './errors.ts'
import { stateOf } from './read.ts'

/** Names that were written down one after the other, each when it was first used. */
export interface NameList {
  /** All of them, once each, ordered by their UTF-8 bytes. */
  names(): Promise<readonly string[]>
}

/** The texts in a stream of ours. What was read is kept, so that a second look only takes what is new. */
export function createNameList(
  { client }: Connection,
  streamName: string,
  textIn: (data: unknown) => string,
): NameList {
  const known = new Set<string>()
  let sorted: readonly string[] = []
  let read = 0n
  return {
    names: async () => {
      const options = { direction: 'forwards', maxCount: Number.MAX_SAFE_INTEGER, requiresLeader: true } as const
      try {
        for await (const resolved of client.readStream(streamName, { ...options, fromRevision: read })) {
          const event = shown(resolved)
          if (event === undefined || event.revision < read) continue
          known.add(textIn(event.data))
          read = event.revision + 1n
        }
      } catch (error) {
        if (!isNotFound(error)) throw error
      }
      if (sorted.length < known.size) sorted = [...known].sort(compareUtf8)
      return sorted
    },
  }
}

/** Lists the streams that were begun through Varve. */
export async function listStreams(
  connection: Connection,
  list: NameList,
  { prefix, after, limit }: StreamsQuery,
): Promise<StreamsPage> {
  const ids = (await list.names()).filter((id) => id.startsWith(prefix) && compareUtf8(id, after) > 0)
  const streams = await each(ids.slice(0, limit), async (id) => streamInfo(id, await stateOf(connection, id)))
  return { streams, end: ids.length <= limit }
}

/** Orders text by its UTF-8 bytes, which differs from JavaScript's order beyond the basic plane. */
export function compareUtf8(left: string, right: string): number {
  return Buffer.compare(Buffer.from(left), Buffer.from(right))
}
