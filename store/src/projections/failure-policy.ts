import { InvalidArgument, isVarveError } from '../model/errors.ts'
import type { RecordedEvent } from '../model/event.ts'
import { fieldsOf, refuseUnknownOptions } from '../model/known-fields.ts'
import { checkWhole } from '../model/whole-number.ts'

const optionFields = fieldsOf<RetryOptions>({ attemptsMax: true, pauseMs: true, pauseMaxMs: true })

/** Something went wrong while a batch was projected. */
export interface BatchFailure {
  /** What the handler threw, or what the target refused with. */
  readonly error: unknown
  /** The event whose handler threw. Undefined when it was the target: then there is nothing to park. */
  readonly event: RecordedEvent | undefined
  /** How often this has been tried now. */
  readonly attempts: number
  /** From 0 up to 1, for the jitter of a pause. */
  readonly chance: number
}

/**
 * What is done about a failure. `'stop'`: the projection stops, and says so. `'park_event'`: the event is set aside with its
 * reason and the projection goes on. `'park_key'`: so are all later events of its key, so that none overtakes it.
 */
export type FailureDecision = 'stop' | 'park_event' | 'park_key' | { readonly retryAfterMs: number }

/** Decides what is done about a failure. */
export type FailurePolicy = (failure: BatchFailure) => FailureDecision

/** Options of {@link retryThen}. */
export interface RetryOptions {
  /** Attempts, the first one included. Default 5. */
  readonly attemptsMax?: number | undefined
  /** The pause before the second attempt, in milliseconds; each later one may be twice as long. Default 100. */
  readonly pauseMs?: number | undefined
  /** Default 30,000. */
  readonly pauseMaxMs?: number | undefined
}

/**
 * A policy that tries again, with growing pauses, before it comes to another decision.
 *
 * @throws INVALID_ARGUMENT
 * @example
 * const onFailure = retryThen('park_key', { attemptsMax: 3 })
 */
export function retryThen(decision: FailureDecision, options: RetryOptions = {}): FailurePolicy {
  refuseUnknownOptions(options, optionFields, 'retryThen')
  const { attemptsMax = 5, pauseMs = 100, pauseMaxMs = 30_000 } = options
  for (const [name, value] of Object.entries({ attemptsMax, pauseMs, pauseMaxMs })) checkWhole(name, value, 1)
  // Found here, and not when everything else has failed.
  checkedDecision(decision)
  return ({ attempts, chance }) =>
    attempts < attemptsMax ? { retryAfterMs: pauseBefore(attempts, chance, pauseMs, pauseMaxMs) } : decision
}

/** A class of errors and what is done about them. */
export interface FailureRule {
  /** Whether this rule is the one. The first that says so is. */
  readonly when: (failure: BatchFailure) => boolean
  readonly decide: FailureDecision | FailurePolicy
}

/**
 * A policy per class of error. What no rule takes is tried again where the error says that this may help, and stops the
 * projection where not.
 *
 * @throws INVALID_ARGUMENT
 * @example
 * const onFailure = failureRules([
 *   { when: ({ error }) => error instanceof SyntaxError, decide: 'park_event' },
 *   { when: ({ event }) => event?.type === 'OrderPlaced', decide: retryThen('park_key') },
 * ])
 */
export function failureRules(rules: readonly FailureRule[]): FailurePolicy {
  if (!Array.isArray(rules)) throw new InvalidArgument('rules', 'is not a list of rules')
  for (const [index, rule] of (rules as readonly FailureRule[]).entries()) {
    if (typeof rule?.when !== 'function') throw new InvalidArgument(`rules[${index}].when`, 'is not a function')
    if (typeof rule.decide !== 'function') checkedDecision(rule.decide)
  }
  return (failure) => {
    const rule = rules.find(({ when }) => when(failure))
    if (rule === undefined) return stopUnlessPassing(failure)
    return typeof rule.decide === 'function' ? rule.decide(failure) : rule.decide
  }
}

/**
 * The default: what passes by itself, such as a target that restarts, is waited for as long as it takes, for nothing is
 * lost by waiting. Everything else stops the projection.
 */
export const stopUnlessPassing: FailurePolicy = ({ error, attempts, chance }) =>
  isPassing(error) ? { retryAfterMs: pauseBefore(attempts, chance, 100, 30_000) } : 'stop'

/** Whether it may pass by itself. */
export function isPassing(error: unknown): boolean {
  return isVarveError(error) && error.retryable
}

/** Between a half and the whole of a bound that doubles: many that failed together do not come back together. */
function pauseBefore(attempts: number, chance: number, pauseMs: number, pauseMaxMs: number): number {
  const bound = Math.min(pauseMs * 2 ** (attempts - 1), pauseMaxMs)
  return Math.round(bound * (0.5 + chance / 2))
}

/** Refuses what is no decision, so that a policy which forgets to return one does not count as one. */
export function checkedDecision(decision: unknown): FailureDecision {
  if (decision === 'stop' || decision === 'park_event' || decision === 'park_key') return decision
  const pause = typeof decision === 'object' && decision !== null && 'retryAfterMs' in decision && decision.retryAfterMs
  if (typeof pause === 'number' && pause >= 0 && Number.isFinite(pause)) return { retryAfterMs: pause }
  throw new InvalidArgument(
    'onFailure',
    "decided on none of 'stop', 'park_event', 'park_key' and { retryAfterMs }: it is to return one of them",
  )
}
