import { InvalidArgument } from '../model/errors.ts'
import { GroupStopped } from '../model/group-errors.ts'
import type { Group } from './group-state.ts'

/** Why a group cannot serve consumers, if it cannot. */
export function refusalOf(name: string, { stopped, settings }: Group, keyOf: unknown): Error | undefined {
  if (stopped !== undefined) return new GroupStopped(name, { reason: stopped.reason, position: stopped.place })
  const hasKeys = settings.strategy === 'pinned' || settings.strategy === 'sticky'
  if (!hasKeys || settings.pinnedBy !== 'consumer' || keyOf !== undefined) return undefined
  const problem = `is missing: group ${JSON.stringify(name)} is pinned by what its consumers make of events`
  return new InvalidArgument('keyOf', problem)
}
