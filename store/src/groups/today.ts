/** Deliveries as a program's definitions have them: an event of the past is delivered as what it is today. */
import { InvalidArgument, isVarveError } from '../model/errors.ts'
import type { RecordedEvent } from '../model/event.ts'
import type { EventDefinitions, RecordedEventOf } from '../model/event-definition.ts'
import { upToDate } from '../model/upcast.ts'
import { type Delivery, MemberDelivery } from './delivery.ts'

/** What deliveries are read with. */
export interface TodayOptions<Events extends EventDefinitions> {
  /** The events that are handled, from `defineEvents`; spread several definitions for several categories. */
  readonly events: Events
  /**
   * What becomes of an event that no definition is there for. `'refuse'`: it is retried, as one whose handler failed, and
   * parked with the reason in the end: a program of a newer release may know it. `'skip'`: it is skipped. Default `'refuse'`.
   */
  readonly undefinedEvents?: 'refuse' | 'skip' | undefined
}

/** A delivery whose event is read as what it is today. */
export interface TypedDelivery<Events extends EventDefinitions> extends Delivery {
  /** The event as it is stored. */
  readonly event: RecordedEvent
  /**
   * What it is today: most often one event, several where its type was retired and split up. Never none: what has become
   * nothing is skipped without being delivered. One word is said on all of them.
   */
  readonly events: readonly RecordedEventOf<Events>[]
}

class TodayDelivery<Events extends EventDefinitions> extends MemberDelivery implements TypedDelivery<Events> {
  readonly events: readonly RecordedEventOf<Events>[]

  constructor(given: ConstructorParameters<typeof MemberDelivery>, events: readonly RecordedEventOf<Events>[]) {
    super(...given)
    this.events = events
  }
}

/** The delivery that a consumer gets for what it was handed; undefined when there is nothing in it for the consumer. */
export function deliveryFor(
  given: ConstructorParameters<typeof MemberDelivery>,
  today: TodayOptions<EventDefinitions> | undefined,
): Delivery | undefined {
  if (today === undefined) return new MemberDelivery(...given)
  const [member, handed] = given
  const { event } = handed
  try {
    const events = upToDate(today.events, event, today.undefinedEvents)
    if (events.length > 0) return new TodayDelivery(given, events)
    void new MemberDelivery(member, handed).nack('skip')
  } catch (error) {
    if (!isVarveError(error)) throw error
    void new MemberDelivery(member, handed).nack('retry', { reason: error.message })
  }
  return undefined
}

/** The definitions of a consumer, checked; undefined when it takes events as they are stored. */
export function checkedToday({
  events,
  undefinedEvents = 'refuse',
}: Partial<TodayOptions<EventDefinitions>>): TodayOptions<EventDefinitions> | undefined {
  if (undefinedEvents !== 'refuse' && undefinedEvents !== 'skip') {
    throw new InvalidArgument('undefinedEvents', "is neither 'refuse' nor 'skip'")
  }
  if (events === undefined) return undefined
  if (typeof events !== 'object' || events === null) {
    throw new InvalidArgument('events', 'are no definitions: make them with defineEvents')
  }
  return { events, undefinedEvents }
}
