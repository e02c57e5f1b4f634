import type { EventDefinitions } from '../model/event-definition.ts'
import { fieldsOf, refuseUnknownOptions } from '../model/known-fields.ts'
import type { Delivery } from './delivery.ts'
import type { GroupStore } from './group-events.ts'
import { checkedOptions, type JoinGroupOptions, joinGroup, joinNames } from './join-group.ts'
import type { TodayOptions, TypedDelivery } from './today.ts'

const consumeFields = fieldsOf<TypedConsumeOptions<EventDefinitions>>({ ...joinNames, signal: true })

/** Options of {@link consume}. */
export interface ConsumeOptions extends JoinGroupOptions {
  /** Ends the loop with `signal.reason`, after giving back what the consumer has. */
  readonly signal?: AbortSignal | undefined
}

/** Options of {@link consume} for events that are read as what they are today. */
export interface TypedConsumeOptions<Events extends EventDefinitions> extends ConsumeOptions, TodayOptions<Events> {}

/**
 * Consumes the events of a group together with all of its other consumers, here and in other programs: each event goes to
 * one of them at a time, and is delivered again until one says that it was handled. Goes on for ever.
 *
 * At least once: after a crash, a timeout or a lost connection an event may be delivered although it was handled.
 * With `events`, definitions from `defineEvents`, each delivery has in `events` what its event is today, upcast and typed.
 *
 * Leaving the loop gives back at once what the consumer has. Closing the store ends it.
 *
 * @throws GROUP_NOT_FOUND, GROUP_STOPPED, GROUP_FULL; ENGINE_UNAVAILABLE when the store stays away for minutes.
 * @example
 * await createGroup(store, 'mailer', { filter: { types: ['OrderPlaced'] } })
 * for await (const delivery of consume(store, 'mailer', { signal })) {
 *   await sendMail(delivery.event)
 *   await delivery.ack()
 * }
 */
export function consume<Events extends EventDefinitions>(
  store: GroupStore,
  group: string,
  options: TypedConsumeOptions<Events>,
): AsyncIterable<TypedDelivery<Events>>
export function consume(store: GroupStore, group: string, options?: ConsumeOptions): AsyncIterable<Delivery>
export function consume(
  store: GroupStore,
  group: string,
  options: ConsumeOptions & Partial<TodayOptions<EventDefinitions>> = {},
): AsyncIterable<Delivery> {
  refuseUnknownOptions(options, consumeFields, 'consume')
  checkedOptions(group, options)
  return { [Symbol.asyncIterator]: () => deliveries(store, group, options) }
}

async function* deliveries(
  store: GroupStore,
  group: string,
  { signal, ...options }: ConsumeOptions & Partial<TodayOptions<EventDefinitions>>,
): AsyncGenerator<Delivery> {
  signal?.throwIfAborted()
  await using consumer = joinGroup(store, group, options)
  for (;;) {
    const [delivery] = await consumer.take(1, signal && { signal })
    if (delivery === undefined) return
    yield delivery
  }
}
