import type { EventStore } from 'varve'
import { MalformedMessage } from '../protobuf/proto-reader.ts'
import type { Beginning as Place } from '../streams/read-request.ts'
import { readUpwards } from '../views/numbered-events.ts'
import type { Numbering } from '../views/numbering.ts'
import { viewOf } from '../views/view.ts'
import { failed } from './refusals.ts'
import type { SettingsMessage } from './settings.ts'
import { badRequest, type NamedIn, nameIn, type StreamIdentifier, type SubscriptionName } from './subscription-name.ts'

/** Where requests say that a subscription begins. */
export interface BeginningMessage {
  readonly revision?: number
  readonly position?: { readonly commitPosition: number; readonly preparePosition: number } | null
  readonly start?: object | null
  readonly end?: object | null
}

/** The options of a request that says what is followed, in the newer or in the older form. */
export interface FollowingMessage extends Pick<NamedIn, 'streamIdentifier' | 'groupName'> {
  readonly stream?: (BeginningMessage & { readonly streamIdentifier?: StreamIdentifier | null }) | null
  readonly all?: BeginningMessage | null
  readonly settings?: SettingsMessage | null
}

/** What a subscription follows, and from where on. */
export interface FollowingFrom {
  readonly name: SubscriptionName
  readonly from: Place
}

/**
 * The subscription that a request names, and where it says that it begins.
 *
 * @throws Refused when it names none.
 */
export function followingFrom({ stream, all, streamIdentifier, groupName, settings }: FollowingMessage): FollowingFrom {
  if (all) return { name: nameIn({ all, groupName }), from: placeIn(all) }
  if (stream) {
    const identifier = stream.streamIdentifier ?? streamIdentifier ?? null
    return { name: nameIn({ streamIdentifier: identifier, groupName }), from: placeIn(stream) }
  }
  const name = nameIn({ streamIdentifier: streamIdentifier ?? null, groupName })
  return { name, from: placeIn({ revision: settings?.revision ?? 0 }) }
}

function placeIn({ revision, position, end }: BeginningMessage): Place {
  if (end) return 'end'
  if (position) {
    if (position.preparePosition > position.commitPosition) {
      throw new MalformedMessage('a position has its prepare behind its commit')
    }
    return numberOrEnd(position.commitPosition)
  }
  return revision === undefined ? 'start' : numberOrEnd(revision)
}

/** The largest number there is means the end. */
function numberOrEnd(number: number): Place {
  return Number.isSafeInteger(number) ? number : 'end'
}

/** The beginning in the words of clients. */
export function startFromOf({ stream }: SubscriptionName, from: Place): string {
  const number = from === 'start' ? 0 : from === 'end' ? -1 : from
  return stream === undefined ? `C:${number}/P:${number}` : String(number)
}

/** A position that there is no event at yet is nobody's to know: it may come from another server. */
function knownPosition(position: number, head: number, name: SubscriptionName): number {
  if (position <= head) return position
  throw failed(
    name,
    `position ${position} lies behind the last one, ${head}: begin at a position that was read, or at the end.`,
  )
}

/**
 * The beginning as the place of a consumer group, inclusive: a version of a stream, a position for everything else.
 *
 * @throws CallFailed when it is a position or an entry of a view that is not there yet.
 */
export async function placeFor(
  { store, numbering }: { readonly store: EventStore; readonly numbering: Numbering },
  { name, from }: FollowingFrom,
  signal: AbortSignal,
): Promise<number | 'end'> {
  if (from === 'end') return 'end'
  const { stream } = name
  if (stream === undefined) return from === 'start' ? 0 : knownPosition(from, await store.head({ signal }), name)
  const view = viewOf(stream)
  if (view === undefined) {
    // Refuses names that no stream can have.
    await store.streamInfo(stream, { signal })
    return from === 'start' ? 0 : Math.min(from + 1, Number.MAX_SAFE_INTEGER)
  }
  if (from === 'start' || from === 0) return 0
  const head = await store.head({ signal })
  const entries = readUpwards({ store, numbering, view, from, head, signal })
  const { value, done } = await entries.next()
  await entries.return(0)
  if (done !== true) return value.event.position
  throw badRequest(`${stream} has ${value} entries yet: begin at one of them, or at the end.`)
}
