/**
 * How events of the past are read as the events of today (Greg Young, "Versioning in an Event Sourced System"): pure and
 * synchronous, so a read gives the same today and in ten years.
 *
 * stored (type, schema version) > one step up, again and again > defined (type, schema version)
 * a retired type > what it is called now, one event or several or none > …
 *
 * Invariants: what is stored is never changed; a step sees its event's payload and nothing else; a chain ends.
 */
import type { RecordedEvent } from './event.ts'
import { definitionOf, type EventDefinitions, type RecordedEventOf } from './event-definition.ts'
import { EventNotDefined, UpcastFailed } from './event-errors.ts'
import { limits } from './limits.ts'
import { readAs } from './read-as.ts'
import { isRefusedPromise } from './refused-promise.ts'

/** An event on its way to what it is today. */
interface Past {
  readonly type: string
  readonly schemaVersion: number
  readonly data: () => unknown
}

/** What is to happen at an event, or at what an event has become, of a type that is not defined. */
export type UndefinedEvents = 'refuse' | 'skip'

/**
 * A recorded event as the definitions have it today: itself, when it is of today; otherwise what its upcasters make of
 * it, at the same place in the log and in its order.
 *
 * @throws EVENT_NOT_DEFINED when no chain of upcasters leads to what is defined; UPCAST_FAILED when one of them fails.
 */
export function upToDate<Events extends EventDefinitions>(
  events: Events,
  recorded: RecordedEvent,
  undefinedEvents: UndefinedEvents = 'refuse',
): readonly RecordedEventOf<Events>[] {
  const definition = definitionOf(events, recorded.type)
  const isOfToday = definition?.version === recorded.schemaVersion && definition.retired === undefined
  if (isOfToday) return [recorded as RecordedEventOf<Events>]
  const { type, schemaVersion } = recorded
  let steps = 0
  const onward = (past: Past): readonly Past[] => {
    if (steps++ > limits.upcastSteps) throw new UpcastFailed(recorded, past, 'its upcasters lead round in a circle')
    const next = stepFrom(events, recorded, past, undefinedEvents)
    return next === 'arrived' ? [past] : next.flatMap(onward)
  }
  return onward({ type, schemaVersion, data: () => recorded.data }).map(
    (past) => readAs(recorded, { ...past, data: past.data() }) as unknown as RecordedEventOf<Events>,
  )
}

function stepFrom(
  events: EventDefinitions,
  recorded: RecordedEvent,
  past: Past,
  undefinedEvents: UndefinedEvents,
): 'arrived' | readonly Past[] {
  const definition = definitionOf(events, past.type)
  if (definition === undefined && undefinedEvents === 'skip') return []
  if (definition?.retired !== undefined) return successors(definition.retired.upcast, recorded, past)
  if (definition?.version === past.schemaVersion) return 'arrived'
  const upcast = definition?.upcast?.[past.schemaVersion]
  if (upcast === undefined) throw new EventNotDefined({ ...placeOf(recorded), ...past }, definition?.version)
  const data = called(upcast, past.data(), recorded, past)
  return [{ type: past.type, schemaVersion: past.schemaVersion + 1, data: () => data }]
}

function successors(
  upcast: NonNullable<NonNullable<EventDefinitions[string]['retired']>['upcast']>,
  recorded: RecordedEvent,
  past: Past,
): readonly Past[] {
  const next = called(upcast, { schemaVersion: past.schemaVersion, data: past.data() }, recorded, past)
  if (!Array.isArray(next)) throw new UpcastFailed(recorded, past, 'its upcaster returned no list of events')
  return next.map((one: unknown) => {
    const { type, schemaVersion = 1, data } = (one ?? {}) as Partial<RecordedEvent>
    if (typeof type !== 'string')
      throw new UpcastFailed(recorded, past, 'its upcaster returned an event without a type')
    return { type, schemaVersion, data: () => data }
  })
}

function called<Given>(upcast: (given: Given) => unknown, given: Given, recorded: RecordedEvent, past: Past): unknown {
  let made: unknown
  try {
    made = upcast(given)
  } catch (cause) {
    throw new UpcastFailed(recorded, past, cause instanceof Error ? cause.message : String(cause), { cause })
  }
  if (isRefusedPromise(made)) {
    throw new UpcastFailed(
      recorded,
      past,
      'its upcaster returned a promise. Upcasters run at every read, for ever: they may look at the payload only',
    )
  }
  if (made === undefined) throw new UpcastFailed(recorded, past, 'its upcaster returned nothing')
  return made
}

function placeOf({ id, streamId, position }: RecordedEvent): Pick<RecordedEvent, 'id' | 'streamId' | 'position'> {
  return { id, streamId, position }
}

/**
 * The types under which the events of today may be stored: those wanted, and every retired type that leads to one of them.
 * To be read, filtered and guarded by.
 */
export function storedTypes(
  events: EventDefinitions,
  wanted: readonly string[] = liveTypes(events),
): readonly string[] {
  const found = new Set(wanted)
  // A retired type may lead to another retired one: look again until nothing new is found.
  for (let before = -1; before < found.size; ) {
    before = found.size
    for (const [type, { retired }] of Object.entries(events)) {
      if (retired?.into.some((successor) => found.has(successor))) found.add(type)
    }
  }
  return [...found]
}

/** The types that are appended and handled today. */
export function liveTypes(events: EventDefinitions): readonly string[] {
  return Object.entries(events).flatMap(([type, { retired }]) => (retired === undefined ? [type] : []))
}
