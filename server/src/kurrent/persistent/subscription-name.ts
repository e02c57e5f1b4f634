import { createHash } from 'node:crypto'
import { limits } from 'varve'
import { Refused } from '../refusal.ts'

/** What a persistent subscription follows, and the name of its group. Both together are its name. */
export interface SubscriptionName {
  /** Undefined for all streams. */
  readonly stream: string | undefined
  readonly group: string
}

/** What clients call all streams. */
const allStreams = '$all'

/** Where the groups of persistent subscriptions are among all consumer groups. */
export const groupPrefix = 'kurrent:'

/** What a subscription follows, in the words of clients. */
export function sourceOf({ stream }: Pick<SubscriptionName, 'stream'>): string {
  return stream ?? allStreams
}

/**
 * The name of a subscription's consumer group. Two subscriptions never share one, also where there are colons in their
 * names; names that no group can have are there as their digest.
 */
export function groupNameOf(name: SubscriptionName): string {
  const source = sourceOf(name).replaceAll(/[%:#]/g, (character) => `%${character.charCodeAt(0).toString(16)}`)
  const groupName = `${groupPrefix}${source}::${name.group}`
  if (groupName.length <= limits.groupNameChars) return groupName
  return `${groupPrefix}#${createHash('sha256').update(groupName).digest('hex')}`
}

/** A stream as requests name it. */
export interface StreamIdentifier {
  readonly streamName: Uint8Array
}

/** What requests name a subscription by. */
export interface NamedIn {
  readonly streamIdentifier?: StreamIdentifier | null
  readonly all?: object | null
  readonly groupName: string
}

/**
 * The subscription that a request names.
 *
 * @throws Refused when it names none.
 */
export function nameIn({ streamIdentifier, all, groupName }: NamedIn): SubscriptionName {
  if (groupName === '') throw badRequest('The request names no group.')
  if (groupName.includes('\0') || !groupName.isWellFormed()) {
    throw badRequest('The name of the group is no text of whole characters other than NUL.')
  }
  return { stream: all ? undefined : streamIn(streamIdentifier), group: groupName }
}

/**
 * The name of a stream, which is not that of all streams.
 *
 * @throws Refused
 */
export function streamIn(identifier: StreamIdentifier | null | undefined): string {
  if (!identifier) throw badRequest('The request names neither a stream nor all streams.')
  const bytes = Buffer.from(identifier.streamName)
  const stream = bytes.toString('utf8')
  if (!Buffer.from(stream).equals(bytes)) throw badRequest('The name of the stream is no UTF-8.')
  if (stream === '' || stream === '$$') throw badRequest('A stream needs a name; none is given.')
  if (stream === allStreams) throw badRequest('$all is no stream. Ask for a subscription to all streams instead.')
  return stream
}

/** A request that makes no sense. */
export function badRequest(problem: string): Refused {
  return new Refused({ kind: 'bad_request', problem })
}
