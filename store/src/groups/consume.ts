import type { Clock } from '../engine/clock.ts'
import { systemClock, systemRandom } from '../engine/system-clock.ts'
import { InvalidArgument, LimitExceeded } from '../model/errors.ts'
import type { RecordedEvent } from '../model/event.ts'
import { limits } from '../model/limits.ts'
import { isPosition } from '../model/position.ts'
import { createIdSource } from '../streams/event-id.ts'
import { type Delivery, MemberDelivery } from './delivery.ts'
import type { GroupStore } from './group-events.ts'
import { checkGroupName } from './group-shelf.ts'
import { Member } from './member.ts'
import { newSeat } from './seats.ts'

/** Options of {@link consume}. */
export interface ConsumeOptions {
  /** What the consumer is called in `groupInfo`; at most `limits.consumerNameChars`. Default: `consumer`. */
  readonly name?: string
  /** Events it has at a time, from handed out to acknowledged and ready for it. Default: what the group says. */
  readonly bufferEvents?: number
  /**
   * What an event is kept in order by, of a group that is `pinnedBy: 'consumer'`. The same for the same event in every
   * program, today and tomorrow; all consumers of one program use that of the first.
   */
  readonly keyOf?: (event: RecordedEvent) => string
  /** Ends the loop with `signal.reason`, after giving back what the consumer has. */
  readonly signal?: AbortSignal
  /** Measures timeouts and pauses. Default: the machine's clock. */
  readonly clock?: Clock
  /** Default: UUIDs. */
  readonly newId?: () => string
  /** A number from 0 up to 1, for pauses between writers. Default: the machine's. */
  readonly random?: () => number
}

/** By store, the groups that this program takes part in: one member each, however many consumers it has. */
const members = new WeakMap<GroupStore, Map<string, Member>>()

/**
 * Consumes the events of a group together with all of its other consumers, here and in other programs: each event goes to
 * one of them at a time, and is delivered again until one says that it was handled. Goes on for ever.
 *
 * At least once: after a crash, a timeout or a lost connection an event may be delivered although it was handled.
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
export function consume(store: GroupStore, group: string, options: ConsumeOptions = {}): AsyncIterable<Delivery> {
  checkGroupName(group)
  const { name = 'consumer', bufferEvents, keyOf } = options
  if (typeof name !== 'string' || name === '' || !name.isWellFormed()) {
    throw new InvalidArgument('name', 'is not a non-empty string of whole characters')
  }
  if (name.length > limits.consumerNameChars) {
    throw new LimitExceeded('consumerNameChars', name.length, 'Choose a shorter name.')
  }
  if (bufferEvents !== undefined && (!isPosition(bufferEvents) || bufferEvents === 0)) {
    throw new InvalidArgument('bufferEvents', 'is not a whole number from 1 on')
  }
  if (bufferEvents !== undefined && bufferEvents > limits.consumerEvents) {
    throw new LimitExceeded('consumerEvents', bufferEvents, 'Let more consumers share the events instead.')
  }
  if (keyOf !== undefined && typeof keyOf !== 'function') throw new InvalidArgument('keyOf', 'is not a function')
  return { [Symbol.asyncIterator]: () => deliveries(store, group, { ...options, name }) }
}

async function* deliveries(
  store: GroupStore,
  group: string,
  options: ConsumeOptions & { readonly name: string },
): AsyncGenerator<Delivery> {
  const { name, bufferEvents, signal } = options
  signal?.throwIfAborted()
  const member = memberOf(store, group, options)
  const seat = newSeat(name, bufferEvents)
  member.join(seat)
  try {
    for (;;) {
      const handed = await member.next(seat, signal)
      if (handed === undefined) return
      yield new MemberDelivery(member, handed)
    }
  } finally {
    await member.leave(seat)
  }
}

/** The member of this program, which begins to run with its first consumer. */
function memberOf(store: GroupStore, name: string, options: ConsumeOptions): Member {
  const groups = members.get(store) ?? new Map<string, Member>()
  members.set(store, groups)
  const known = groups.get(name)
  if (known !== undefined) return known
  const { clock = systemClock, random = systemRandom, newId = createIdSource(clock), keyOf } = options
  const over = (): void => {
    if (groups.get(name) === member) groups.delete(name)
  }
  const member = new Member({ store, name, clock, newId, random, keyOf, over })
  groups.set(name, member)
  void member.run()
  return member
}
