import type { EventDefinitions, NewEventOf } from '../model/event-definition.ts'
import type { Basis } from './basis.ts'
import { decided } from './decider.ts'
import type { ExecuteOptions } from './execute-options.ts'
import type { AnyTask } from './task.ts'

/** What a decider made of a command. */
export type Verdict =
  | { readonly events: readonly NewEventOf<EventDefinitions>[] }
  /** Whatever `decide` threw. */
  | { readonly refusal: unknown }

/** Decides, and takes what is thrown for an answer. */
export function verdictOn({ decider, command }: Pick<AnyTask, 'decider' | 'command'>, state: unknown): Verdict {
  try {
    return { events: decided(decider, command, state) }
  } catch (refusal) {
    return { refusal }
  }
}

/**
 * Whether the events of an earlier execution of the same command may lie where nobody has looked. A refusal and nothing
 * to do then say no more than that the whole stream has to be looked at; so do events with ids of their own, which no
 * earlier execution would be known by.
 */
export function mayBeRepeat(verdict: Verdict, basis: Basis, { commandId }: ExecuteOptions): boolean {
  if (commandId === undefined || basis.isWhole) return false
  return !('events' in verdict) || verdict.events.length === 0 || verdict.events.some(({ id }) => id !== undefined)
}
