import { InvalidArgument, isVarveError } from '../../model/errors.ts'
import type { KafkaIncoming } from './incoming.ts'

/** A message could not be appended. */
export interface MessageFailure {
  /** What `toEvents` threw, or the store. */
  readonly error: unknown
  readonly message: KafkaIncoming
  /** How often this has been tried now. */
  readonly attempts: number
  /** From 0 up to 1, for the jitter of a pause. */
  readonly chance: number
}

/** `'stop'`: nothing more is taken in. `'park_message'`: it is set aside with its reason, and the next one comes. */
export type MessageDecision = 'stop' | 'park_message' | { readonly retryAfterMs: number }

/** Decides what is done about a message that could not be appended. */
export type MessagePolicy = (failure: MessageFailure) => MessageDecision

const pauseMs = 100
const pauseMaxMs = 30_000

/** The default: a store that is away is waited for as long as it takes; everything else stops. */
export const stopUnlessPassing: MessagePolicy = ({ error, attempts, chance }) =>
  isVarveError(error) && error.retryable
    ? { retryAfterMs: Math.round(Math.min(pauseMs * 2 ** (attempts - 1), pauseMaxMs) * (0.5 + chance / 2)) }
    : 'stop'

/** What the policy says, checked: one that forgets to return a decision does not count as one. */
export function decided(
  { onFailure, random }: { readonly onFailure: MessagePolicy; readonly random: () => number },
  failure: Omit<MessageFailure, 'chance'>,
): MessageDecision {
  const decision: unknown = onFailure({ ...failure, chance: random() })
  if (decision === 'stop' || decision === 'park_message') return decision
  const pause = typeof decision === 'object' && decision !== null && 'retryAfterMs' in decision && decision.retryAfterMs
  if (typeof pause === 'number' && pause >= 0 && Number.isFinite(pause)) return { retryAfterMs: pause }
  throw new InvalidArgument('onFailure', "decided on none of 'stop', 'park_message' and { retryAfterMs }")
}
