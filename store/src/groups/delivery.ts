import type { NackAction } from '../model/consumer-group.ts'
import { InvalidArgument } from '../model/errors.ts'
import type { RecordedEvent } from '../model/event.ts'
import { limits } from '../model/limits.ts'
import { isPosition } from '../model/position.ts'
import type { Handed, Held } from './held.ts'
import type { Member } from './member.ts'

import type { Says } from './verdicts.ts'

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
   * The event was handled. Resolves when that is saved; who does not wait for it learns of no failure, and the event may
   * come again. Of a group with `checkpointMs` it resolves at once, and is saved within that time.
   *
   * @throws DELIVERY_LOST when the event is not this consumer's any more.
   */
  ack(): Promise<void>
  /**
   * The event was not handled. `'retry'`: deliver it again, after a while. `'park'`: put it aside, to be looked at.
   * `'skip'`: forget it. `'stop'`: deliver nothing more to anybody until the group is started again; it comes again then.
   *
   * @throws DELIVERY_LOST when the event is not this consumer's any more.
   */
  nack(action: NackAction, options?: NackOptions): Promise<void>
}

/** Options of {@link Delivery.nack}. */
export interface NackOptions {
  /** Why, for whoever looks at parked events; at most `limits.parkReasonChars` are kept. Default: nothing. */
  readonly reason?: string
  /** Milliseconds before the retry. Default: what the group says. */
  readonly delayMs?: number
}

/** An event that was handed to a consumer. */
export class MemberDelivery implements Delivery {
  readonly event: RecordedEvent
  readonly attempt: number
  readonly position: number
  readonly #member: Member
  readonly #held: Held
  readonly #goneSignal: () => AbortSignal
  #said: Promise<void> | undefined

  constructor(member: Member, { held, event, goneSignal }: Handed) {
    this.event = event
    this.attempt = held.attempt
    this.position = held.place
    this.#member = member
    this.#held = held
    this.#goneSignal = goneSignal
  }

  get signal(): AbortSignal {
    return this.#goneSignal()
  }

  ack(): Promise<void> {
    return this.#say({ kind: 'finish', as: 'acked' })
  }

  nack(action: NackAction, { reason = '', delayMs }: NackOptions = {}): Promise<void> {
    if (typeof reason !== 'string') throw new InvalidArgument('reason', 'is not a string')
    if (delayMs !== undefined && !isPosition(delayMs)) {
      throw new InvalidArgument('delayMs', 'is not a whole number from 0 on')
    }
    return this.#say(saysFrom(action, cut(reason), delayMs))
  }

  #say(says: Says): Promise<void> {
    this.#said ??= this.#member.say(this.#held, says)
    // Whoever does not wait for it need not handle its failure either.
    this.#said.catch(() => undefined)
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
