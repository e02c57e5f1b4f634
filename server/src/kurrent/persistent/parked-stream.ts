import { type EventStore, type ParkedEvent, parkedEvents } from 'varve'
import { CallFailed } from '../grpc/status.ts'
import type { KurrentEvent } from '../streams/kurrent-event.ts'
import { followLink, linkType } from '../streams/links.ts'
import type { Reading } from '../streams/reading.ts'
import { entryId } from '../views/view.ts'
import { loadSubscription } from './load.ts'
import { groupNameOf, type SubscriptionName } from './subscription-name.ts'

const pattern = /^\$persistentsubscription-(.+::.+)-parked$/s

/** Whether a stream is what a subscription has parked. */
export function isParkedStream(stream: string): boolean {
  return pattern.test(stream)
}

/**
 * Reads what a subscription has parked as if it were a stream of links, which it is in KurrentDB. It has what is parked
 * now, numbered from 0 in the order of the positions: so `stopAt` of a replay means the first entry that stays.
 */
export async function readParkedStream(reading: Reading, stream: string, count: number): Promise<void> {
  const { store, request, signal, responses } = reading
  const name = await subscriptionOf(store, stream, signal)
  if (name === undefined) return responses.streamNotFound(stream)
  let number = 0
  const chosen: { readonly parked: ParkedEvent; readonly number: number }[] = []
  const { direction, from } = request
  const first = direction === 'forward' && typeof from === 'number' ? from : 0
  const last = direction === 'backward' && typeof from === 'number' ? from : Number.POSITIVE_INFINITY
  if (direction === 'forward' && from === 'end') return
  for await (const parked of parkedEvents(store, groupNameOf(name), { signal })) {
    if (number >= first && number <= last) chosen.push({ parked, number })
    number++
    // Of a read backwards the last ones are wanted.
    if (chosen.length > count) chosen.shift()
    if (direction === 'forward' && chosen.length === count) break
  }
  if (number === 0) return responses.streamNotFound(stream)
  for (const entry of direction === 'forward' ? chosen : chosen.reverse()) {
    const link = await linkTo(store, stream, entry)
    if (link === undefined) continue
    await responses.event(request.resolveLinks ? await followLink(reading, link) : { event: link })
  }
}

/** The subscription, whose names may have colons themselves. */
async function subscriptionOf(
  store: EventStore,
  stream: string,
  signal: AbortSignal,
): Promise<SubscriptionName | undefined> {
  const [, title = ''] = pattern.exec(stream) ?? []
  for (let at = title.indexOf('::'); at >= 0; at = title.indexOf('::', at + 1)) {
    const source = title.slice(0, at)
    const name = { stream: source === '$all' ? undefined : source, group: title.slice(at + 2) }
    try {
      await loadSubscription(store, name, signal)
      return name
    } catch (error) {
      if (!(error instanceof CallFailed) || error.status !== 'notFound') throw error
    }
  }
  return undefined
}

/** The link to a parked event; undefined when the event cannot be read any more. */
async function linkTo(
  store: EventStore,
  stream: string,
  { parked, number }: { readonly parked: ParkedEvent; readonly number: number },
): Promise<KurrentEvent | undefined> {
  const { eventId, parkedAt, reason } = parked
  const event = await store.readEvent(eventId)
  if (event === undefined) return undefined
  return {
    id: entryId(stream, eventId),
    stream,
    revision: number,
    position: event.position,
    type: linkType,
    isJson: false,
    createdAtMs: Date.parse(parkedAt),
    customMetadata: JSON.stringify({ added: parkedAt, reason }),
    data: `${event.version - 1}@${event.streamId}`,
  }
}
