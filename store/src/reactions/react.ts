import type { Clock } from '../engine/clock.ts'
import { checkTracer } from '../engine/span.ts'
import { systemClock } from '../engine/system-clock.ts'
import type { CallOptions } from '../model/call.ts'
import { InvalidArgument } from '../model/errors.ts'
import { fieldsOf, refuseUnknownOptions } from '../model/known-fields.ts'
import { limits } from '../model/limits.ts'
import { requireOneOrder } from '../model/log-shard.ts'
import { isPosition } from '../model/position.ts'
import type { Tracer } from '../model/tracer.ts'
import { checkWhole } from '../model/whole-number.ts'
import { runUntilStopped } from '../projections/run-until-stopped.ts'
import type { Reaction } from './reaction.ts'
import { isOfClosedStore, type ReactionStore, runReaction } from './run.ts'

const optionFields = fieldsOf<ReactOptions>({ signal: true, from: true, attemptsMax: true, clock: true, tracer: true })

/** Options of {@link react}. */
export interface ReactOptions {
  /** Stops the reaction, as {@link RunningReaction.stop} does. An end that was asked for is no failure. */
  readonly signal?: AbortSignal | undefined
  /**
   * Where a reaction that never ran begins to act: a position, or `'end'` for only what comes from now on. Events before
   * are folded into states and nothing else: no command is sent, no deadline is set. Default: the first event.
   */
  readonly from?: number | 'end' | undefined
  /** Attempts to send a command, the first one included. Default `limits.sendAttempts`. */
  readonly attemptsMax?: number | undefined
  /** Says when deadlines are due. Default: the machine's clock. */
  readonly clock?: Clock | undefined
  /**
   * Spans for what is decided, of OpenTelemetry, each linked to the span of the append that its event comes from. Default: the
   * tracer of the store, if it has one.
   */
  readonly tracer?: Tracer | undefined
}

/** A reaction at work. */
export interface RunningReaction extends AsyncDisposable {
  /**
   * Settles when the reaction has ended: resolves when it was stopped or the store was closed, rejects when it failed. A
   * failure that nobody looks at ends the process as every unhandled rejection does: it never stops silently.
   */
  readonly done: Promise<void>
  /** Everything up to here was handled, and the commands that follow from it were sent; 0 before it has begun. */
  readonly position: number
  /**
   * Resolves once everything up to a position, such as the one an append gave, was handled and its commands were sent.
   *
   * @throws the error the reaction failed with; STORE_CLOSED when it ended before.
   */
  waitFor(position: number, options?: CallOptions): Promise<void>
  /** Stops after the step under way; `send` is told by its signal. Gives {@link RunningReaction.done}; stopping twice is fine. */
  stop(): Promise<void>
}

/**
 * Runs a reaction until it is stopped: resumes where it was, catches up, then follows, and fires deadlines when they are
 * due, also those that came due while nothing ran. Each event and each deadline is decided once; its commands are sent
 * at least once, under the same ids, whenever and wherever the process is killed.
 *
 * A command that cannot be sent, or a rule that throws, ends it with REACTION_FAILED. Of two that run under one name one
 * ends with CHECKPOINT_CONFLICT; nothing was decided twice.
 *
 * @throws INVALID_ARGUMENT; NOT_SUPPORTED on a log with several shards.
 * @example
 * await using running = react(store, reminders)
 * const { position } = await store.append('Cart-7', [{ type: 'CartFilled', data: { sku: 'tea' } }])
 * await running.waitFor(position)
 */
export function react(store: ReactionStore, reaction: Reaction, options: ReactOptions = {}): RunningReaction {
  requireOneOrder(
    store.capabilities,
    'The place of a reaction is one position: run it on an engine with one log shard.',
  )
  if (typeof reaction?.decideDeadline !== 'function') {
    throw new InvalidArgument('reaction', 'is no reaction: make one with defineReaction')
  }
  refuseUnknownOptions(options, optionFields, 'react')
  const { from = 1, attemptsMax = limits.sendAttempts, clock = systemClock } = options
  if (from !== 'end' && !isPosition(from)) {
    throw new InvalidArgument('from', "is neither a whole number from 0 on nor 'end'")
  }
  checkWhole('attemptsMax', attemptsMax, 1)
  const { tracer = store.tracer } = options
  checkTracer(tracer)
  return runUntilStopped({
    what: `Reaction ${JSON.stringify(reaction.name)}`,
    signal: options.signal,
    work: (signal, reached) => runReaction(store, reaction, { signal, clock, attemptsMax, from, tracer, reached }),
    isAskedFor: (failure) => isOfClosedStore(store, failure),
  })
}
