/**
 * One process of a reaction as a pure machine: no clock, no I/O.
 *
 * new > (an event) > open, with unsent commands and deadlines > (sent) > open
 *                    open > (a deadline has come) > open, with unsent commands
 *                    open > (an event, and isEnded) > ended, remembered for a while > forgotten, or begun anew
 *
 * Invariants: an event is folded once and decided once, however often it is delivered; what was decided is saved, as one
 * with the state, before any of it is sent; ids of commands and deadlines follow from the event and its place alone.
 */
import type { RecordedEvent } from '../model/event.ts'
import { limits } from '../model/limits.ts'
import type { Concern, Decided, Reaction } from './reaction.ts'

/** A process as it is kept. A JSON value. */
export interface Process {
  /** Of the reaction that folded the state. */
  readonly version: number
  /** Events up to here are in the state. */
  readonly position: number
  /** What follows from events up to here was decided. Above `position` only while states are folded anew. */
  readonly decidedPosition: number
  readonly isEnded: boolean
  readonly state?: unknown
  /** What has been decided and may not have been sent yet. */
  readonly unsent?: Unsent | undefined
  readonly deadlines: readonly OpenDeadline[]
  /** How many deadlines were ever set: tells apart those of one name. */
  readonly deadlinesSet: number
}

/** Commands that follow from one event or one deadline. */
export interface Unsent {
  readonly cause: Cause
  /** The deadline that had come, if it was one. */
  readonly deadline?: string
  readonly commands: readonly { readonly commandId: string; readonly command: unknown }[]
}

/** The event that something follows from. */
export interface Cause extends Pick<RecordedEvent, 'id' | 'type' | 'streamId' | 'position'> {
  readonly correlationId: string
  readonly userId?: string
  /** What ids begin with: the event's id, and which one it is of those that one stored event has become. */
  readonly origin: string
}

/** A deadline that is set. One without a name ends the memory of an ended process. */
export interface OpenDeadline {
  readonly id: string
  readonly name: string
  readonly dueAtMs: number
  readonly cause: Cause
  /** The deadline that set this one when it came, if none but an event did. */
  readonly setBy?: string
}

/** What a process has become, and which of its deadlines have to be entered and struck off elsewhere. */
export interface Step {
  readonly process: Process
  readonly entered: readonly OpenDeadline[]
  readonly struck: readonly OpenDeadline[]
}

/** The name of the deadline that ends the memory of a process; users' deadlines have one. */
const forgetting = ''

/**
 * A process after an event, given as what it is today. `'fold'` brings the state up to date and decides nothing.
 * Undefined when there is nothing to keep.
 */
export function afterEvent(
  reaction: Reaction,
  before: Process | undefined,
  concerns: readonly Concern[],
  mode: 'decide' | 'fold',
): Step | undefined {
  const base = current(reaction, before)
  const position = Math.max(...concerns.map(({ event }) => event.position))
  if (position <= base.position) return undefined
  const decides = mode === 'decide' && position > base.decidedPosition
  let next = base.isEnded ? begunAnew(reaction, base) : base
  const textBefore = textOf(next)
  const commands: Unsent['commands'][number][] = []
  for (const { event, part } of concerns) {
    const state = reaction.evolve(next.state, event)
    next = { ...next, position, state }
    if (!decides) continue
    const cause = causeOf(event, part)
    const decided = reaction.decide(state, event)
    commands.push(...named(`${reaction.name}/${cause.origin}`, decided))
    next = withDeadlines(next, decided, { cause, fromMs: event.recordedAtMs })
  }
  const isEnded = reaction.isEnded(next.state)
  if (commands.length === 0 && !isEnded && textBefore === textOf(next)) return undefined
  const [{ event, part }] = concerns as [Concern]
  const cause = causeOf(event, part)
  if (commands.length > 0) next = { ...next, unsent: { cause, commands } }
  if (decides) next = { ...next, decidedPosition: position }
  if (isEnded) next = ended(next, cause, event.recordedAtMs)
  return stepTo(next, before)
}

/** A process after one of its deadlines has come; undefined when it is not open any more. */
export function afterDeadline(
  reaction: Reaction,
  processId: string,
  before: Process | undefined,
  id: string,
): Step | undefined {
  const base = current(reaction, before)
  const due = base.deadlines.find((deadline) => deadline.id === id)
  if (due === undefined || due.name === forgetting) return undefined
  const { name, dueAtMs, cause } = due
  const decided = reaction.decideDeadline(base.state, { name, processId, dueAtMs })
  const commands = named(`${reaction.name}/${id}`, decided)
  const without = { ...base, deadlines: base.deadlines.filter((deadline) => deadline !== due) }
  const next = withDeadlines(without, decided, { cause, fromMs: dueAtMs, setBy: id })
  return stepTo({ ...next, ...(commands.length > 0 && { unsent: { cause, deadline: name, commands } }) }, before)
}

/** A process whose commands were sent. */
export function afterSending({ unsent: _, ...process }: Process): Process {
  return process
}

/** Whether a process ended long enough ago that it may be removed, when this deadline has come. */
export function isForgotten(process: Process | undefined, id: string): boolean {
  return process?.isEnded === true && process.deadlines.some((open) => open.id === id && open.name === forgetting)
}

/** Who knows of a deadline beside its process: enough to find it by when it is due. */
export interface EnteredDeadline {
  readonly id: string
  readonly dueAtMs: number
  readonly processId: string
  /** Of the event it goes back to. */
  readonly position: number
  readonly setBy?: string
}

/**
 * Whether an entered deadline that its process does not have open was cancelled, moved or has fired. If not, somebody
 * entered it who is about to save the process: entering comes first.
 */
export function isSettled(process: Process | undefined, entered: EnteredDeadline, handledPosition: number): boolean {
  const isSetterOpen = process?.deadlines.some(({ id }) => id === entered.setBy) === true
  return entered.position <= handledPosition && !isSetterOpen
}

/** What an event may change. As text, so that a state that was changed in place counts as changed. */
function textOf({ state, deadlines }: Process): string {
  return JSON.stringify([state, deadlines])
}

/** A process as this version of the reaction sees it: a state of another version is folded anew, all else stays. */
function current(reaction: Reaction, process: Process | undefined): Process {
  const { version } = reaction
  if (process?.version === version) return process
  const { decidedPosition = 0, deadlines = [], deadlinesSet = 0, unsent } = process ?? {}
  const kept = { decidedPosition, deadlines, deadlinesSet, unsent }
  return begunAnew(reaction, { ...kept, version, position: 0, isEnded: false })
}

function begunAnew(reaction: Reaction, process: Process): Process {
  const deadlines = process.deadlines.filter(({ name }) => name !== forgetting)
  return { ...process, isEnded: false, state: reaction.initialState(), deadlines }
}

/** Deadlines set by later events stay: where a state is folded anew, the end of one process is no end of the next. */
function ended({ state: _, ...process }: Process, cause: Cause, endedAtMs: number): Process {
  const later = process.deadlines.filter((deadline) => deadline.cause.position > process.position)
  const afterMs = limits.endedProcessMs
  const change = { commands: [], deadlines: [{ name: forgetting, afterMs }] }
  return withDeadlines({ ...process, isEnded: true, deadlines: later }, change, { cause, fromMs: endedAtMs })
}

function withDeadlines(
  process: Process,
  { deadlines }: Decided,
  from: { readonly cause: Cause; readonly fromMs: number; readonly setBy?: string },
): Process {
  return deadlines.reduce(({ deadlines: open, deadlinesSet, ...others }, { name, afterMs }) => {
    const remaining = open.filter((deadline) => deadline.name !== name)
    if (afterMs === 'cancel') return { ...others, deadlines: remaining, deadlinesSet }
    const { cause, fromMs, setBy } = from
    const id = `${cause.origin}/${name}/${deadlinesSet + 1}`
    // Later than every date there is, it would have no place in the order of keys.
    const dueAtMs = Math.min(fromMs + afterMs, lastDateMs)
    const set = { id, name, dueAtMs, cause, ...(setBy !== undefined && { setBy }) }
    return { ...others, deadlines: [...remaining, set], deadlinesSet: deadlinesSet + 1 }
  }, process)
}

/** The last moment that a date can have (ECMA-262, section 21.4.1.1). */
const lastDateMs = 8_640_000_000_000_000

function stepTo(process: Process, before: Process | undefined): Step {
  const open = before?.deadlines ?? []
  const isIn = (list: readonly OpenDeadline[], { id }: OpenDeadline): boolean => list.some((other) => other.id === id)
  return {
    process,
    entered: process.deadlines.filter((deadline) => !isIn(open, deadline)),
    struck: open.filter((deadline) => !isIn(process.deadlines, deadline)),
  }
}

function named(prefix: string, { commands }: Decided): Unsent['commands'] {
  return commands.map((command, index) => ({ commandId: `${prefix}/${index + 1}`, command }))
}

function causeOf({ id, type, streamId, position, metadata }: RecordedEvent, part: number): Cause {
  const { correlationId = id, userId } = metadata
  const origin = part === 0 ? id : `${id}.${part + 1}`
  return { id, type, streamId, position, correlationId, origin, ...(userId !== undefined && { userId }) }
}
