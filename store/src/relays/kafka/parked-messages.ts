import type { EventStore } from '../../event-store.ts'
import { InvalidArgument, isVarveError } from '../../model/errors.ts'
import { ParkedCountDiffers } from '../../model/group-errors.ts'
import type { StoreShelf } from '../../model/shelf.ts'
import { appended, type IncomingEvents, type KafkaIncoming, type Received, writesOf } from './incoming.ts'

/** A message that was set aside, and why. */
export interface ParkedMessage extends KafkaIncoming {
  readonly code: string
  readonly reason: string
  readonly atMs: number
}

/** As it lies on the shelf. */
interface Kept extends Omit<KafkaIncoming, 'value' | 'text'> {
  readonly topicId: string
  readonly base64: string | null
  readonly code: string
  readonly reason: string
  readonly atMs: number
}

/** Characters of a reason that are kept. */
const reasonChars = 1_000

/** Sets a message aside, with everything that it takes to append it later. */
export async function parkMessage(
  shelf: StoreShelf,
  group: string,
  { message, topicId }: Received,
  { error, atMs }: { readonly error: unknown; readonly atMs: number },
): Promise<void> {
  const { value, text: _, ...rest } = message
  const base64 = value === null ? null : Buffer.from(value).toString('base64')
  const kept: Kept = { ...rest, topicId, base64, ...whyOf(error), atMs }
  await shelf.put(keyOf(group, kept), kept)
}

/**
 * The messages that a group has set aside, by topic, partition and offset.
 *
 * @throws INVALID_ARGUMENT
 */
export async function* parkedFromKafka(store: Pick<EventStore, 'shelf'>, group: string): AsyncGenerator<ParkedMessage> {
  for await (const { value } of store.shelf.list({ prefix: prefixOf(group) })) {
    const { topicId: _, base64, ...rest } = value as Kept
    yield { ...rest, ...contentOf(base64) }
  }
}

/** Options of {@link replayFromKafka}. */
export interface ReplayFromKafkaOptions {
  readonly toEvents: IncomingEvents
  /** How many messages are parked: a replay of another number than somebody has looked at is refused. */
  readonly expectedCount: number
}

/**
 * Appends parked messages after all, under the ids that they would have had. What fails again stays parked, with its new
 * reason.
 *
 * @returns how many were appended, and how many are parked still.
 * @throws PARKED_COUNT_DIFFERS when there are another number of them; INVALID_ARGUMENT
 */
export async function replayFromKafka(
  store: Pick<EventStore, 'shelf' | 'append' | 'appendAll'>,
  group: string,
  { toEvents, expectedCount }: ReplayFromKafkaOptions,
): Promise<{ readonly appended: number; readonly parked: number }> {
  const items = await store.shelf.list({ prefix: prefixOf(group) }).toArray()
  if (items.length !== expectedCount) throw new ParkedCountDiffers({ group }, expectedCount, items.length)
  let parked = 0
  for (const { key, value } of items) {
    const { topicId, base64, code: _, reason: __, atMs, ...rest } = value as Kept
    try {
      await appended(store, writesOf({ message: { ...rest, ...contentOf(base64) }, topicId }, toEvents))
      await store.shelf.delete(key)
    } catch (error) {
      if (isVarveError(error) && error.retryable) throw error
      parked++
      await store.shelf.put(key, { ...(value as Kept), ...whyOf(error), atMs })
    }
  }
  return { appended: items.length - parked, parked }
}

function contentOf(base64: string | null): Pick<KafkaIncoming, 'value' | 'text'> {
  const bytes = base64 === null ? null : Buffer.from(base64, 'base64')
  return { value: bytes, text: bytes?.toString() ?? null }
}

function prefixOf(group: string): string {
  if (typeof group !== 'string' || !/^[\w.-]{1,100}$/.test(group)) {
    throw new InvalidArgument('group', "is not 1 to 100 of a-z, A-Z, 0-9, '.', '_' and '-'")
  }
  return `relay/from-kafka/${group}/`
}

function keyOf(group: string, { topic, topicId, partition, offset }: Kept): string {
  const digits = (number: number): string => String(number).padStart(16, '0')
  return `${prefixOf(group)}${topic}/${topicId}/${digits(partition)}/${digits(offset)}`
}

/** Code and text of whatever was thrown. */
function whyOf(error: unknown): { readonly code: string; readonly reason: string } {
  if (!(error instanceof Error)) return { code: 'THROWN', reason: String(error).slice(0, reasonChars).toWellFormed() }
  const reason = error.message.slice(0, reasonChars).toWellFormed()
  return { code: isVarveError(error) ? error.code : error.name, reason }
}
