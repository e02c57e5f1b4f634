import type { EventDefinitions, NewEventOf } from '../model/event-definition.ts'
import type { Basis, Reach } from './basis.ts'
import { decided } from './decider.ts'
import type { ExecuteOptions } from './execute-options.ts'
import type { AnyTask } from './task.ts'

/** What a decider made of a command. */
export type Verdict =
  | { readonly events: readonly NewEventOf<EventDefinitions>[] }
  /** Whatever `decide` threw. */
  | { readonly refusal: unknown }

/** How much has to be looked at before a command can be answered, when that is more than was. */
export type Further = Exclude<Reach, 'nothing'>

/** Decides, and takes what is thrown for an answer. */
export function verdictOn({ decider, command }: Pick<AnyTask, 'decider' | 'command'>, state: unknown): Verdict {
  try {
    return { events: decided(decider, command, state) }
  } catch (refusal) {
    return { refusal }
  }
}

/**
 * What has to be looked at further. An append is judged by the store; a refusal, and nothing to do, are answers only when
 * the state is the last one. With a command id, the events of an earlier execution must not lie where nobody has looked;
 * ids of its own, which no earlier execution would be known by, ask for that as well.
 */
export function furtherFor(verdict: Verdict, { reach }: Basis, { commandId }: ExecuteOptions): Further | undefined {
  const events = 'events' in verdict ? verdict.events : []
  const isAppend = events.length > 0 && (commandId === undefined || events.every(({ id }) => id === undefined))
  if (isAppend || reach === 'whole' || (reach === 'tail' && commandId === undefined)) return undefined
  return commandId === undefined ? 'tail' : 'whole'
}
