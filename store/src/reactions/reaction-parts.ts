import { InvalidArgument, LimitExceeded } from '../model/errors.ts'
import { limits } from '../model/limits.ts'

/** A rule of a reaction: what follows from an event, or from a deadline. */
export type Handler = (state: unknown, given: unknown) => unknown

/**
 * Handlers by name, without those that are undefined.
 *
 * @throws INVALID_ARGUMENT
 */
export function checkedHandlers(argument: string, handlers: object): ReadonlyMap<string, Handler> {
  if (typeof handlers !== 'object' || handlers === null) throw new InvalidArgument(argument, 'is missing')
  const entries = Object.entries(handlers).filter(([, handler]) => handler !== undefined)
  for (const [name, handler] of entries) {
    if (typeof handler !== 'function') throw new InvalidArgument(`${argument}.${name}`, 'is not a function')
  }
  return new Map(entries)
}

/**
 * Refuses what is no name of a reaction.
 *
 * @throws INVALID_ARGUMENT, LIMIT_EXCEEDED
 */
export function checkReactionName(name: unknown): void {
  if (typeof name !== 'string' || name === '' || !name.isWellFormed() || name.includes('/')) {
    throw new InvalidArgument('name', 'is not a non-empty string without /')
  }
  if (name.length > limits.reactionNameChars) throw new LimitExceeded('reactionNameChars', name.length)
}

/**
 * Refuses what is no name of a deadline.
 *
 * @throws INVALID_ARGUMENT, LIMIT_EXCEEDED
 */
export function checkDeadlineName(name: string): void {
  if (name === '' || !name.isWellFormed()) throw new InvalidArgument('onDeadline', 'has a deadline without a name')
  if (name.length > limits.deadlineNameChars) throw new LimitExceeded('deadlineNameChars', name.length)
}
