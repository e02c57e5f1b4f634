import { InvalidArgument } from './errors.ts'
import { isPosition } from './position.ts'

/**
 * Refuses what is no whole number, and one that is less than the least there may be.
 *
 * @throws INVALID_ARGUMENT
 */
export function checkWhole(argument: string, value: unknown, least: number): asserts value is number {
  if (isPosition(value) && value >= least) return
  throw new InvalidArgument(argument, `is not a whole number from ${least} on`)
}
