import type { EventStore, StreamInfo } from 'varve'
import { followLink, linkType } from '../streams/links.ts'
import type { ResolvedEvent } from '../streams/read-response.ts'
import type { NumberedEvent } from './numbered-events.ts'
import { entryOf, type View } from './view.ts'

/**
 * The entries of a view for some events, with what they lead to when a client wants it. The events are at hand, but what is
 * hidden in its stream is not shown by way of a link either, so each stream among them is asked once.
 */
export async function resolveEntries(
  store: EventStore,
  view: View,
  numbered: readonly NumberedEvent[],
  signal: AbortSignal,
): Promise<readonly ResolvedEvent[]> {
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
    else if (event.type === linkType) resolved.push(await followLink(store, entry, signal))
    else {
      const isShown = !info.tombstoned && event.revision + 1 >= info.truncateBefore
      resolved.push({ event: isShown ? event : undefined, link: entry })
    }
  }
  return resolved
}
