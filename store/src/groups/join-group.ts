import type { Clock } from '../engine/clock.ts'
import { checkTracer } from '../engine/span.ts'
import { unlessAborted } from '../engine/unless-aborted.ts'
import type { CallOptions } from '../model/call.ts'
import { callFields } from '../model/call-fields.ts'
import type { GroupSettings } from '../model/consumer-group.ts'
import { InvalidArgument, LimitExceeded } from '../model/errors.ts'
import type { RecordedEvent } from '../model/event.ts'
import type { EventDefinitions } from '../model/event-definition.ts'
import { fieldsOf, refuseUnknownOptions } from '../model/known-fields.ts'
import { limits } from '../model/limits.ts'
import type { Tracer } from '../model/tracer.ts'
import { checkWhole } from '../model/whole-number.ts'
import type { Delivery } from './delivery.ts'
import type { GroupStore } from './group-events.ts'
import { checkGroupName } from './group-shelf.ts'
import { memberOf } from './members.ts'
import { newSeat } from './seats.ts'
import { checkedToday, deliveryFor, type TodayOptions, type TypedDelivery } from './today.ts'

/** The names of the options of {@link joinGroup}. */
export const joinNames: Readonly<Record<keyof TypedJoinOptions<EventDefinitions>, true>> = {
  name: true,
  bufferEvents: true,
  readyEvents: true,
  onChange: true,
  keyOf: true,
  clock: true,
  newId: true,
  random: true,
  tracer: true,
  events: true,
  undefinedEvents: true,
}

const joinFields = fieldsOf<TypedJoinOptions<EventDefinitions>>(joinNames)

/** Options of {@link joinGroup}. */
export interface JoinGroupOptions {
  /** What the consumer is called in `groupInfo`; at most `limits.consumerNameChars`. Default: `consumer`. */
  readonly name?: string | undefined
  /**
   * Events it has at a time, from handed out to acknowledged and ready for it. No more lie ready than it takes in a second,
   * or than 32, or than it asks for at a time. Default: what the group says.
   */
  readonly bufferEvents?: number | undefined
  /**
   * Events that its program may hold ready beyond its buffer, so that one it acknowledges makes room for the next without
   * a write. Others get these only when the consumer leaves. Default 0.
   */
  readonly readyEvents?: number | undefined
  /**
   * What becomes of the consumer when the settings of the group are changed: it goes on under the new ones, or ends with
   * GROUP_CHANGED. Default `'follow'`.
   */
  readonly onChange?: 'follow' | 'end' | undefined
  /**
   * What an event is kept in order by, of a group that is `pinnedBy: 'consumer'`. The same for the same event in every
   * program, today and tomorrow; all consumers of one program use that of the first.
   */
  readonly keyOf?: ((event: RecordedEvent) => string) | undefined
  /** Measures timeouts and pauses. Default: the machine's clock. */
  readonly clock?: Clock | undefined
  /** Tells programs apart. Default: UUIDs. */
  readonly newId?: (() => string) | undefined
  /** A number from 0 up to 1, for pauses between writers. Default: the machine's. */
  readonly random?: (() => number) | undefined
  /**
   * Gives each delivery a span, linked to that of the append that its event comes from: from handed out to the word on it.
   * Default: the tracer of the store, if it has one.
   */
  readonly tracer?: Tracer | undefined
}

/** A consumer of a group that takes its events by hand, one or several at a time. `consume` is the loop around it. */
export interface GroupConsumer<Each extends Delivery = Delivery> extends AsyncDisposable {
  /**
   * The settings of the group, once it counts the consumer: from then on it may get events.
   *
   * @throws GROUP_NOT_FOUND, GROUP_STOPPED, GROUP_FULL; ENGINE_UNAVAILABLE when the store stays away for minutes. It has
   *   to be closed then.
   */
  joined(options?: CallOptions): Promise<GroupSettings>
  /**
   * The next events, from one to `eventsMax`: waits for the first one, and takes with it what is ready. None when the
   * store was closed, or the consumer. It has to say a word on each of them; with as many as its buffer in hand it waits.
   *
   * @throws GROUP_NOT_FOUND, GROUP_STOPPED, GROUP_FULL, GROUP_CHANGED; ENGINE_UNAVAILABLE when the store stays away for
   *   minutes. It has to be closed then.
   */
  take(eventsMax: number, options?: CallOptions): Promise<readonly Each[]>
  /** Gives back at once what it has. Closing twice is fine. */
  close(): Promise<void>
}

/** Options of {@link joinGroup} for a consumer that reads events as what they are today. */
export interface TypedJoinOptions<Events extends EventDefinitions> extends JoinGroupOptions, TodayOptions<Events> {}

/**
 * A new consumer of a group, which takes events in batches or under conditions of its own. Calls of `take` go one after
 * the other.
 *
 * @throws INVALID_ARGUMENT, LIMIT_EXCEEDED
 * @example
 * await createGroup(store, 'mailer')
 * await using consumer = joinGroup(store, 'mailer', { bufferEvents: 100 })
 * const deliveries = await consumer.take(100, { signal })
 * console.log(deliveries.map(({ event }) => event.id))
 * await Promise.all(deliveries.map((delivery) => delivery.ack({ until: 'saved' })))
 */
export function joinGroup<Events extends EventDefinitions>(
  store: GroupStore,
  group: string,
  options: TypedJoinOptions<Events>,
): GroupConsumer<TypedDelivery<Events>>
export function joinGroup(store: GroupStore, group: string, options?: JoinGroupOptions): GroupConsumer
export function joinGroup(
  store: GroupStore,
  group: string,
  options: JoinGroupOptions & Partial<TodayOptions<EventDefinitions>> = {},
): GroupConsumer {
  refuseUnknownOptions(options, joinFields, 'joinGroup')
  const { name, bufferEvents, today } = checkedOptions(group, options)
  const { onChange = 'follow', readyEvents = 0, tracer = store.tracer } = options
  const tracing = tracer && { tracer, group, consumer: name }
  const member = memberOf(store, group, options)
  const seat = newSeat({ name, bufferEvents, readyEvents, endsOnChange: onChange === 'end' })
  member.join(seat)
  let closed: Promise<void> | undefined
  let before: Promise<unknown> = Promise.resolve()

  async function takeNext(eventsMax: number, signal: AbortSignal | undefined): Promise<readonly Delivery[]> {
    const deliveries: Delivery[] = []
    seat.askedEvents = eventsMax
    signal?.throwIfAborted()
    while (deliveries.length < eventsMax) {
      const isFirst = deliveries.length === 0
      const handed = member.nextReady(seat) ?? (isFirst ? await member.next(seat, signal) : undefined)
      if (handed === undefined) break
      const delivery = deliveryFor([member, handed, tracing], today)
      if (delivery !== undefined) deliveries.push(delivery)
    }
    return deliveries
  }

  function take(eventsMax: number, callOptions: CallOptions = {}): Promise<readonly Delivery[]> {
    refuseUnknownOptions(callOptions, callFields, 'take')
    checkWhole('eventsMax', eventsMax, 1)
    const { signal } = callOptions
    const taken = before.then(() => takeNext(eventsMax, signal))
    before = taken.catch(() => undefined)
    return taken
  }

  const close = (): Promise<void> => {
    closed ??= member.leave(seat)
    return closed
  }
  const joined = (callOptions: CallOptions = {}): Promise<GroupSettings> => {
    refuseUnknownOptions(callOptions, callFields, 'joined')
    return unlessAborted(seat.admission.settings, callOptions.signal)
  }
  return { joined, take, close, [Symbol.asyncDispose]: close }
}

/** The options of a consumer, checked. */
export function checkedOptions(
  group: string,
  {
    name = 'consumer',
    bufferEvents,
    readyEvents = 0,
    keyOf,
    onChange = 'follow',
    tracer,
    ...reading
  }: JoinGroupOptions & Partial<TodayOptions<EventDefinitions>>,
): {
  readonly name: string
  readonly bufferEvents: number | undefined
  readonly today: TodayOptions<EventDefinitions> | undefined
} {
  checkGroupName(group)
  if (typeof name !== 'string' || name === '' || !name.isWellFormed()) {
    throw new InvalidArgument('name', 'is not a non-empty string of whole characters')
  }
  if (name.length > limits.consumerNameChars) {
    throw new LimitExceeded('consumerNameChars', name.length, 'Choose a shorter name.')
  }
  if (bufferEvents !== undefined) checkWhole('bufferEvents', bufferEvents, 1)
  if (bufferEvents !== undefined && bufferEvents > limits.consumerEvents) {
    throw new LimitExceeded('consumerEvents', bufferEvents, 'Let more consumers share the events instead.')
  }
  checkWhole('readyEvents', readyEvents, 0)
  if (readyEvents > limits.consumerEvents) {
    throw new LimitExceeded('consumerEvents', readyEvents, 'Keep fewer events ready.')
  }
  if (keyOf !== undefined && typeof keyOf !== 'function') throw new InvalidArgument('keyOf', 'is not a function')
  if (onChange !== 'follow' && onChange !== 'end') {
    throw new InvalidArgument('onChange', "is neither 'follow' nor 'end'")
  }
  checkTracer(tracer)
  return { name, bufferEvents, today: checkedToday(reading) }
}
