import type { EventDefinitions } from '../model/event-definition.ts'
import { refuseUnknownOptions } from '../model/known-fields.ts'
import { attemptsMaxOf } from './attempts.ts'
import { inCommandSpan } from './command-span.ts'
import { checkDecider } from './decider.ts'
import { type Executed, type ExecuteOptions, executeFields } from './execute-options.ts'
import { memoryOf } from './recent-states.ts'
import { type AnyTask, type CommandStore, streamOf, type Task } from './task.ts'
import { takeTurn } from './turns.ts'
import { Waiting } from './waiting.ts'

/**
 * Executes a command: folds the stream, decides, and appends if the stream has not moved. If it has, all of that is
 * done again after a random pause, up to `limits.conflictAttempts` times, so a decision always holds for the state it
 * is appended to. Commands of one process on one stream take turns, in the order they came; those that wait together, with
 * the same rules, share one read and one append. A decider with a snapshot policy folds from its last snapshot on.
 *
 * @throws whatever `decide` throws; VERSION_CONFLICT when the stream moved at every attempt; EVENT_NOT_DEFINED when the
 *   stream holds an event the decider does not know; the errors of `EventStore.append`. Nothing was appended.
 * @example
 * const { version } = await execute(store, { decider: cart, streamId: 'Cart-7', command: { add: 'tea' } })
 */
export async function execute<Events extends EventDefinitions, Command, State>(
  store: CommandStore,
  task: Task<Events, Command, State>,
  options: ExecuteOptions = {},
): Promise<Executed<Events>> {
  refuseUnknownOptions(options, executeFields, 'execute')
  checkDecider(task)
  streamOf(store, task, task.decider.events)
  attemptsMaxOf(options)
  if (options.recent !== undefined) memoryOf(store, options.recent)
  const { tracer } = store
  const inTurn = (): Promise<Executed<Events>> => executedInTurn(store, task, options)
  return tracer === undefined ? inTurn() : inCommandSpan(tracer, task, options, inTurn)
}

function executedInTurn<Events extends EventDefinitions, Command, State>(
  store: CommandStore,
  task: Task<Events, Command, State>,
  options: ExecuteOptions,
): Promise<Executed<Events>> {
  const command = new Waiting(task as unknown as AnyTask, options)
  takeTurn(store, command)
  return command.told as Promise<unknown> as Promise<Executed<Events>>
}
