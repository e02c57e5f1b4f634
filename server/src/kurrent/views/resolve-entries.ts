import type { StreamInfo } from 'varve'
import { type Following, followLink, linkType, mayFollow } from '../streams/links.ts'
import type { ResolvedEvent } from '../streams/read-response.ts'
import type { NumberedEvent } from './numbered-events.ts'
import { entryOf, type View } from './view.ts'

/**
 * The entries of a view for some events, with what they lead to when a client wants it. The events are at hand, but what is
 * hidden in its stream, or may not be read there, is not shown by way of a link either, so each stream among them is asked once.
 */
export async function resolveEntries(
  following: Following,
  view: View,
  numbered: readonly NumberedEvent[],
): Promise<readonly ResolvedEvent[]> {
  const { store, signal } = following
  const streams = new Map<string, StreamInfo>()
  const names = new Set(view.entry === 'link' ? numbered.map(({ event }) => event.stream) : [])
  for (const info of await Promise.all([...names].map((name) => store.streamInfo(name, { signal })))) {
    streams.set(info.streamId, info)
  }
  const resolved: ResolvedEvent[] = []
  for (const { event, number } of numbered) {
    const entry = entryOf(view, event, number)
    const info = streams.get(event.stream)
    if (info === undefined) resolved.push({ event: entry })
    else if (event.type === linkType) resolved.push(await followLink(following, entry))
    else {
      const isThere = !info.tombstoned && event.revision + 1 >= info.truncateBefore
      const isShown = isThere && (await mayFollow(following, event.stream))
      resolved.push({ event: isShown ? event : undefined, link: entry })
    }
  }
  return resolved
}
