import type { NackAction } from '../model/consumer-group.ts'
import { InvalidArgument } from '../model/errors.ts'
import type { RecordedEvent } from '../model/event.ts'
import { fieldsOf, refuseUnknownOptions } from '../model/known-fields.ts'
import { limits } from '../model/limits.ts'
import { checkWhole } from '../model/whole-number.ts'
import { asCausedHere, causedBy } from '../streams/causation.ts'
import { DeliverySpan, type Tracing } from './delivery-span.ts'
import type { Handed, Held } from './held.ts'
import type { Member } from './member.ts'
import type { Says, Word } from './verdicts.ts'

const ackFields = fieldsOf<AckOptions>({ until: true })
const nackFields = fieldsOf<NackOptions>({ reason: true, delayMs: true })

/** An event that a consumer has to say a word on. The first word counts; a later one gives what came of the first. */
export interface Delivery {
  readonly event: RecordedEvent
  /** 1 for the first delivery of the event, higher when it is delivered again. */
  readonly attempt: number
  /** Of the event; of a group on one stream, its version. */
  readonly position: number
  /** Aborts once the event is not this consumer's any more: its time is over, or its program was taken for lost. */
  readonly signal: AbortSignal
  /**
   * Runs `work` as a consequence of the event, as `causedBy` does, and gives what it gives. With a tracer it runs below the
   * span of the delivery, in the asynchronous context in which the event was taken.
   *
   * @example
   * await createGroup(store, 'mailer')
   * for await (const delivery of consume(store, 'mailer', { signal })) {
   *   await delivery.run(() => sendMail(delivery.event))
   *   await delivery.ack()
   * }
   */
  run<Result>(work: () => Result): Result
  /**
   * The event was handled. Resolves as soon as that is noted, so that the next event need not wait for the store; it is
   * saved within the `checkpointMs` of the group. Should the program die before, the event comes again.
   *
   * With `{ until: 'saved' }` it resolves when the store has it, and the event is never delivered again. Acks that wait
   * together are saved by one write.
   *
   * @throws DELIVERY_LOST when the event is not this consumer's any more, as far as that is known by then.
   */
  ack(options?: AckOptions): Promise<void>
  /**
   * The event was not handled; resolves when that is saved. `'retry'`: deliver it again, after a while. `'park'`: put it
   * aside, to be looked at. `'skip'`: forget it. `'stop'`: deliver nothing more to anybody until the group is started again;
   * it comes again then.
   *
   * @throws DELIVERY_LOST when the event is not this consumer's any more.
   */
  nack(action: NackAction, options?: NackOptions): Promise<void>
}

/** Options of {@link Delivery.ack}. */
export interface AckOptions {
  /** What is waited for. Default `'noted'`. */
  readonly until?: 'noted' | 'saved' | undefined
}

/** Options of {@link Delivery.nack}. */
export interface NackOptions {
  /** Why, for whoever looks at parked events; at most `limits.parkReasonChars` are kept. Default: nothing. */
  readonly reason?: string | undefined
  /** Milliseconds before the retry. Default: what the group says. */
  readonly delayMs?: number | undefined
}

/** An event that was handed to a consumer. */
export class MemberDelivery implements Delivery {
  readonly event: RecordedEvent
  readonly attempt: number
  readonly position: number
  readonly #member: Member
  readonly #held: Held
  readonly #goneSignal: () => AbortSignal
  readonly #span: DeliverySpan | undefined
  #said: Word | undefined

  constructor(member: Member, { held, event, goneSignal }: Handed, tracing?: Tracing) {
    this.event = event
    this.attempt = held.attempt
    this.position = held.place
    this.#member = member
    this.#held = held
    this.#goneSignal = goneSignal
    this.#span = tracing && new DeliverySpan(tracing, this)
  }

  get signal(): AbortSignal {
    return this.#goneSignal()
  }

  run<Result>(work: () => Result): Result {
    const caused = (): Result => causedBy(this.event, work)
    return this.#span === undefined ? caused() : this.#span.run(asCausedHere(caused))
  }

  ack(options: AckOptions = {}): Promise<void> {
    refuseUnknownOptions(options, ackFields, 'ack')
    const { until = 'noted' } = options
    if (until !== 'noted' && until !== 'saved') throw new InvalidArgument('until', "is neither 'noted' nor 'saved'")
    const said = this.#say({ kind: 'finish', as: 'acked' })
    const known = until === 'noted' && said.isNoted ? Promise.resolve() : said.saved()
    this.#span?.said('ack', known)
    return known
  }

  nack(action: NackAction, options: NackOptions = {}): Promise<void> {
    refuseUnknownOptions(options, nackFields, 'nack')
    const { reason = '', delayMs } = options
    if (typeof reason !== 'string') throw new InvalidArgument('reason', 'is not a string')
    if (delayMs !== undefined) checkWhole('delayMs', delayMs, 0)
    const known = this.#say(saysFrom(action, cut(reason), delayMs)).saved()
    this.#span?.said(action, known, cut(reason))
    return known
  }

  #say(says: Says): Word {
    this.#said ??= this.#member.say(this.#held, says)
    return this.#said
  }
}

function saysFrom(action: NackAction, reason: string, delayMs: number | undefined): Says {
  switch (action) {
    case 'retry':
      return { kind: 'fail', reason, delayMs }
    case 'park':
      return { kind: 'park', reason }
    case 'skip':
      return { kind: 'finish', as: 'skipped' }
    case 'stop':
      return { kind: 'stop', reason }
    default:
      throw new InvalidArgument('action', `is ${JSON.stringify(action)}: use 'retry', 'park', 'skip' or 'stop'`)
  }
}

/** Half of a character at the end would not be text. */
function cut(reason: string): string {
  const isLong = reason.length > limits.parkReasonChars
  return isLong ? `${reason.slice(0, limits.parkReasonChars - 1).toWellFormed()}…` : reason.toWellFormed()
}
