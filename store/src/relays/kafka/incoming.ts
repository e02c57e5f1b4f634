import type { EventStore } from '../../event-store.ts'
import { InvalidArgument } from '../../model/errors.ts'
import type { NewEvent } from '../../model/event.ts'
import { idFromKey } from '../../streams/event-id.ts'

/** A message of Kafka, as it is made into events. */
export interface KafkaIncoming {
  readonly topic: string
  readonly partition: number
  readonly offset: number
  /** As UTF-8; null for none. */
  readonly key: string | null
  readonly value: Uint8Array | null
  /** The value as UTF-8; null for none. */
  readonly text: string | null
  /** As UTF-8, the last one of each name. */
  readonly headers: Readonly<Record<string, string>>
  /** When it was written, in milliseconds since 1970, as its writer or the broker says. */
  readonly timestampMs: number
}

/** An event that a message is made into, and its stream. */
export interface IncomingEvent extends NewEvent {
  readonly streamId: string
}

/**
 * Makes a message into the events that it stands for, which are appended together; undefined for none. Called again with the
 * same message after a crash, it has to give the same. What it throws is a failure of that message.
 */
export type IncomingEvents = (message: KafkaIncoming) => IncomingEvent | readonly IncomingEvent[] | undefined

/** A message and what its place is called for ever. */
export interface Received {
  readonly message: KafkaIncoming
  /** Of the topic as it was made: a topic that was deleted and made anew has another one, and begins at offset 0 again. */
  readonly topicId: string
}

/** Streams that a message is to be appended to, with their events. */
export type Writes = ReadonlyMap<string, readonly NewEvent[]>

/**
 * What a message is made into, its events with ids that follow from its place.
 *
 * @throws whatever the function throws, and INVALID_ARGUMENT for what it may not give.
 */
export function writesOf({ message, topicId }: Received, toEvents: IncomingEvents): Writes {
  const given = toEvents(message) ?? []
  const list: readonly IncomingEvent[] = Array.isArray(given) ? given : [given]
  const place = `kafka/${topicId}/${message.partition}/${message.offset}`
  const writes = new Map<string, NewEvent[]>()
  for (const [index, incoming] of list.entries()) {
    if (typeof incoming !== 'object' || incoming === null || typeof incoming.streamId !== 'string') {
      throw new InvalidArgument('toEvents', 'gave something else than events with a streamId')
    }
    const { streamId, ...event } = incoming
    const events = writes.get(streamId) ?? []
    events.push({ ...event, id: event.id ?? idFromKey(place, '', index) })
    writes.set(streamId, events)
  }
  return writes
}

/** Appends what a message was made into. True when it was there already. */
export async function appended(store: Pick<EventStore, 'append' | 'appendAll'>, writes: Writes): Promise<boolean> {
  const [first, ...others] = [...writes].map(([streamId, events]) => ({ streamId, events }))
  if (first === undefined) return false
  if (others.length === 0) return (await store.append(first.streamId, first.events)).idempotent
  return (await store.appendAll([first, ...others])).idempotent
}
