/**
 * Several commands on one stream, decided one after the other, each on the state that those before it leave.
 *
 * Invariants: what a command sees is what it would see if it came alone after those before it had been appended; what it
 * does to the state it is given, or to its events afterwards, touches nobody else; whatever cannot be foreseen ends the
 * round before it, and comes again on its own.
 */
import type { Clock } from '../engine/clock.ts'
import { systemClock } from '../engine/system-clock.ts'
import type { NewEvent } from '../model/event.ts'
import type { EventDefinitions, NewEventOf } from '../model/event-definition.ts'
import { limits } from '../model/limits.ts'
import { madeOfEach } from '../model/made-of-each.ts'
import { withCausation } from '../streams/causation.ts'
import { idFromKey } from '../streams/event-id.ts'
import type { Basis, Earlier } from './basis.ts'
import { copied } from './copied.ts'
import { type Further, furtherFor, type Verdict, verdictOn } from './decided-command.ts'
import { evolved } from './decider.ts'
import { withMetadata } from './execute-options.ts'
import { type ForeseenEvent, foreseen } from './foreseen-event.ts'
import type { AnyTask } from './task.ts'
import type { Waiting } from './waiting.ts'

/** A command and what it came to, if what was decided before it is appended. */
export interface Entry {
  readonly command: Waiting
  readonly verdict: Verdict | { readonly earlier: Earlier }
  /** Events that were decided for before it, and those up to its own last one. */
  readonly eventsBefore: number
  readonly eventsAfter: number
}

/** What was decided in one round. */
export interface Round {
  readonly entries: readonly Entry[]
  /** To be appended at once. */
  readonly events: readonly NewEvent[]
  /** The state when they are; undefined when it cannot be told. */
  readonly after: { readonly state: unknown } | undefined
  /** Commands that were not decided, or that turned out not to be for this round. */
  readonly untouched: readonly Waiting[]
}

/** How long commands are decided before whatever else the process has to do gets a turn: large states take long to copy. */
const busyMs = 10

/** By `evolve`, the deciders whose states were found to be more than plain data. */
const uncopied = new WeakSet<object>()

/** Whether commands of a decider can be decided together, as far as is known: each needs a copy of the state. */
export function hasPlainStates({ evolve }: Pick<AnyTask['decider'], 'evolve'>): boolean {
  return !uncopied.has(evolve)
}

/** Decides commands together, or says that more has to be looked at to answer one of them. */
export async function decideTogether(
  basis: Basis,
  commands: readonly Waiting[],
  clock: Clock = systemClock,
): Promise<Round | Further> {
  const draft = new Draft(basis)
  let since = clock.now()
  for (const [index, command] of commands.entries()) {
    if (clock.now() - since > busyMs) {
      await clock.turn()
      since = clock.now()
    }
    if (command.isSettled) continue
    const taken = await draft.take(command)
    if (taken === 'tail' || taken === 'whole') return taken
    if (taken === 'alone') command.isAlone = true
    if (taken === 'alone' || taken === 'later') return draft.endedWith(commands.slice(index))
    if (taken === 'unforeseeable') return { ...draft.endedWith(commands.slice(index + 1)), after: undefined }
  }
  return draft.endedWith([])
}

/**
 * Whether a command became part of a round. It comes again in a later one, or in none but its own; or it is the last one,
 * since the state after it cannot be told; or more has to be looked at.
 */
type Taken = 'taken' | 'later' | 'alone' | 'unforeseeable' | Further

/** A round in the making. */
class Draft {
  readonly #basis: Basis
  readonly #entries: Entry[] = []
  readonly #events: NewEvent[] = []
  readonly #commandIds = new Set<unknown>()
  #state: unknown
  #bytesAtMost = 0

  constructor(basis: Basis) {
    this.#basis = basis
    const { state } = basis.folding
    // What is remembered stays as it is until the append has landed.
    this.#state = basis.reach === 'nothing' ? copied(state)?.copy : state
  }

  endedWith(untouched: readonly Waiting[]): Round {
    return { entries: this.#entries, events: this.#events, after: { state: this.#state }, untouched }
  }

  async take(command: Waiting): Promise<Taken> {
    try {
      const { commandId } = command.options
      const earlier = this.#basis.earlier.get(commandId ?? '')
      if (earlier !== undefined) return this.#enter(command, { earlier }, [])
      // It is being executed: what became of it is in the stream when the next round begins.
      if (commandId !== undefined && this.#commandIds.has(commandId)) return 'later'
      // Rules that change the state in place, or keep a part of it in an event, do that to a copy of their own.
      const own = copied(this.#state)
      if (own === undefined) {
        uncopied.add(command.task.decider.evolve)
        return 'alone'
      }
      const verdict = command.inContext(() => verdictOn(command.task, own.copy))
      const further = furtherFor(verdict, this.#basis, command.options)
      if (further !== undefined) return further
      const made = command.inContext(() => foreseenOf(command, verdict))
      const events = made instanceof Promise ? await made : made
      return events === undefined ? 'alone' : this.#enter(command, verdict, events)
    } catch {
      // Something is so wrong with what was decided that only an append of its own has words for it.
      return 'alone'
    }
  }

  #enter(command: Waiting, verdict: Entry['verdict'], events: readonly ForeseenEvent[]): Taken {
    // The caller gave up while a validator took its time.
    if (command.isSettled) return 'taken'
    const bytesAtMost = events.reduce((sum, one) => sum + one.bytesAtMost, this.#bytesAtMost)
    const eventsBefore = this.#events.length
    const eventsAfter = eventsBefore + events.length
    const hasRoom = eventsAfter <= limits.batchEvents && bytesAtMost <= limits.batchBytes
    if (events.length > 0 && !hasRoom) return eventsBefore === 0 ? 'alone' : 'later'
    this.#bytesAtMost = bytesAtMost
    this.#entries.push({ command, verdict, eventsBefore, eventsAfter })
    for (const { toAppend } of events) {
      this.#events.push(toAppend)
      if (!(toAppend.metadata instanceof Uint8Array)) this.#commandIds.add(toAppend.metadata?.commandId)
    }
    return this.#evolve(command, events)
  }

  #evolve({ task: { decider } }: Waiting, events: readonly ForeseenEvent[]): Taken {
    try {
      for (const { asRead } of events) this.#state = evolved(decider, this.#state, asRead)
      return 'taken'
    } catch {
      // It throws again in the next fold, which whatever comes after this command begins with.
      return 'unforeseeable'
    }
  }
}

/**
 * The events of a verdict, none of them if one of them cannot be told. Nothing is waited for unless a validator is: what
 * was decided may be gone in the next moment, where rules use one scratch pad again and again.
 */
function foreseenOf(command: Waiting, verdict: Verdict): Foreseen | Promise<Foreseen> {
  const { events } = command.task.decider
  const decided = 'events' in verdict ? verdict.events : []
  const made = madeOfEach(decided, (event, index) => foreseen(events, marked(command, event, index)))
  return made.some((one) => one instanceof Promise)
    ? Promise.all(made).then(allOf)
    : allOf(made as readonly (ForeseenEvent | undefined)[])
}

type Foreseen = readonly ForeseenEvent[] | undefined

function allOf(made: readonly (ForeseenEvent | undefined)[]): Foreseen {
  const told = made.filter((one) => one !== undefined)
  return told.length === made.length ? told : undefined
}

/** The event with the id, the metadata and the causes that it would have in an append of its own command. */
function marked(
  { task: { streamId }, options }: Waiting,
  event: NewEventOf<EventDefinitions>,
  index: number,
): NewEvent {
  const { commandId } = options
  const own = withMetadata(event, options)
  const metadata = own.metadata instanceof Uint8Array ? own.metadata : withCausation(own.metadata)
  const id = own.id ?? (commandId === undefined ? undefined : idFromKey(commandId, streamId, index))
  return { ...own, ...(metadata !== undefined && { metadata }), ...(id !== undefined && { id }) }
}
