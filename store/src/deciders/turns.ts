/**
 * Commands of this process on one stream take turns, in the order they came; those of other processes meet at the
 * stream's version.
 *
 * Those that wait when a turn begins are decided together, where they may be. One after the other, each would read the
 * stream and append to it; at once, all of them would decide on the same version, and one would win.
 */
import { isVarveError } from '../model/errors.ts'
import { limits } from '../model/limits.ts'
import { attemptsMaxOf, pauseAfter } from './attempts.ts'
import { hasPlainStates } from './decide-together.ts'
import { executeAlone } from './execute-alone.ts'
import { isRaceOfOneCommand } from './execute-options.ts'
import { executeTogether } from './execute-together.ts'
import type { CommandStore } from './task.ts'
import { untilNobodyWaits, type Waiting } from './waiting.ts'

/** By store, the commands that wait for each stream. */
const lines = new WeakMap<object, Map<string, Waiting[]>>()

/** Takes a command in: it will be told what became of it when its turn is over. */
export function takeTurn(store: CommandStore, command: Waiting): void {
  const streams = lines.get(store) ?? new Map<string, Waiting[]>()
  lines.set(store, streams)
  const { streamId } = command.task
  const line = streams.get(streamId)
  if (line !== undefined) {
    line.push(command)
    return
  }
  const served = [command]
  streams.set(streamId, served)
  void serve(store, served, () => streams.delete(streamId))
}

async function serve(store: CommandStore, line: Waiting[], close: () => void): Promise<void> {
  // Whatever comes in the same turn of the caller's code is there when the first commands are taken.
  await undefined
  while (line.length > 0) line.unshift(...(await served(store, takeNext(line))))
  close()
}

/** The commands at the head of a line that may be decided together. */
function takeNext(line: Waiting[]): readonly Waiting[] {
  const [first] = line
  let count = 1
  if (first !== undefined && mayJoin(first)) {
    while (count < limits.commandsTogether && isOneFold(first, line[count])) count++
  }
  return line.splice(0, count).filter((command) => !command.isSettled)
}

function mayJoin({ isAlone, task: { decider }, options: { commandId } }: Waiting): boolean {
  return !isAlone && hasPlainStates(decider) && (commandId === undefined || isKey(commandId))
}

/** What is no id is refused when it is sent: until then it must not have become a part of what others append. */
function isKey(commandId: unknown): boolean {
  const isText = typeof commandId === 'string' && commandId !== '' && commandId.isWellFormed()
  return isText && commandId.length <= limits.idempotencyKeyChars
}

/** Whether a command is decided on the same state as another, and is handled by the same clock and in the same place. */
function isOneFold(first: Waiting, next: Waiting | undefined): boolean {
  if (next === undefined || !mayJoin(next)) return false
  const [one, other] = [first.task.decider, next.task.decider]
  const [options, others] = [first.options, next.options]
  return (
    one.events === other.events &&
    one.initialState === other.initialState &&
    one.evolve === other.evolve &&
    one.snapshot === other.snapshot &&
    options.snapshots === others.snapshots &&
    options.clock === others.clock &&
    options.random === others.random &&
    options.recent === others.recent
  )
}

/** Serves some commands, and gives back those that come again, unless they have been told meanwhile. */
async function served(store: CommandStore, commands: readonly Waiting[]): Promise<readonly Waiting[]> {
  const [first, ...others] = commands
  if (first === undefined) return []
  // What is remembered is for those that can be decided on a copy, be there one of them or many.
  const hasMemory = first.options.recent !== undefined && mayJoin(first)
  if (others.length === 0 && !hasMemory) return servedAlone(store, first)
  const { comeAgain, conflict } = await executeTogether(store, commands)
  if (conflict !== undefined) await afterConflict(conflict.lost, conflict.error)
  return comeAgain
}

async function servedAlone(store: CommandStore, command: Waiting): Promise<readonly Waiting[]> {
  const { task, options } = command
  try {
    command.answer(await command.inContext(() => executeAlone(store, task, options)))
    return []
  } catch (error) {
    const isWorthAnother = isVarveError(error, 'VERSION_CONFLICT') || isRaceOfOneCommand(error, options)
    if (isWorthAnother) await afterConflict([command], error)
    else command.refuse(error)
    return [command]
  }
}

/** Takes an attempt from the commands that lost it, and waits a while when any of them has another one. */
async function afterConflict(lost: readonly Waiting[], error: unknown): Promise<void> {
  for (const command of lost) {
    command.conflicts += 1
    if (command.conflicts >= attemptsMaxOf(command.options)) command.refuse(error)
  }
  const trying = lost.filter(({ isSettled }) => !isSettled)
  const [first] = trying
  if (first !== undefined) await pauseAfter(first.conflicts, first.options, untilNobodyWaits(trying))
}
