import type { Appended } from '../model/call.ts'
import { isVarveError } from '../model/errors.ts'
import type { EventDefinitions } from '../model/event-definition.ts'
import { uncaused } from '../streams/causation.ts'
import { type Basis, type BasisOptions, basisOf, type Reach } from './basis.ts'
import { decideTogether, type Entry, hasPlainStates, type Round } from './decide-together.ts'
import type { Further } from './decided-command.ts'
import type { Folding } from './fold-stream.ts'
import { memoryOf, type Recollection } from './recent-states.ts'
import { type KeepSnapshot, snapshotKeeping } from './snapshot-keeping.ts'
import { type AnyTask, type CommandStore, streamOf } from './task.ts'
import { untilNobodyWaits, type Waiting } from './waiting.ts'

/** What became of commands that were executed together. Those that do not come again have been told. */
export interface ExecutedTogether {
  /** In this order. */
  readonly comeAgain: readonly Waiting[]
  /** Another append came before theirs: some of those that come again have lost an attempt. */
  readonly conflict?: { readonly error: unknown; readonly lost: readonly Waiting[] }
}

/**
 * One attempt to execute several commands of one fold by one read and one append. What is wrong with one of them harms no
 * other: it is told on its own, or they all come again one by one.
 */
export async function executeTogether(store: CommandStore, commands: readonly Waiting[]): Promise<ExecutedTogether> {
  const [first] = commands
  if (first === undefined) return { comeAgain: [] }
  const { task, options } = first
  const { snapshots, clock, recent } = options
  try {
    const recollection = recent && (await memoryOf(store, recent).recall(store, task))
    const signal = untilNobodyWaits(commands)
    const commandIds = new Set(commands.flatMap((command) => command.options.commandId ?? []))
    const given = { commandIds, signal, recollection, ...(snapshots && { snapshots }), ...(clock && { clock }) }
    for (let reach: Reach = 'nothing'; ; ) {
      // Somebody's context has to be it, for spans: that of the one that waits for longest.
      const basis = await first.inContext(() => basisOf(store, task, reach, given))
      const executed = await executeOn(store, commands, basis, given)
      if (typeof executed === 'object') return executed
      reach = executed
    }
  } catch (error) {
    // The stream cannot be read, or cannot be folded, for none of them.
    for (const command of commands) command.refuse(error)
    return { comeAgain: [] }
  }
}

async function executeOn(
  store: CommandStore,
  commands: readonly Waiting[],
  basis: Basis,
  { clock, recollection, signal }: BasisOptions,
): Promise<ExecutedTogether | Further> {
  const [first] = commands
  if (first === undefined) return { comeAgain: [] }
  const { task } = first
  const { folding, reach } = basis
  const keepSnapshot = snapshotKeeping(store, task, folding, recollection?.snapshotTaken)
  const round = await decideTogether(basis, commands, clock)
  if (typeof round !== 'object') {
    if (reach === 'nothing') recollection?.keep(folding)
    return round
  }
  const { entries, untouched } = round
  for (const entry of entries.filter(followsFromRead)) tell(entry, folding, keepSnapshot)
  const open = entries.filter((entry) => !followsFromRead(entry))
  if (open.length === 0) {
    if (hasPlainStates(task.decider)) recollection?.keep(folding)
    return { comeAgain: untouched }
  }
  // Somebody gave up while the events of another one were validated: nothing was sent yet, so nothing shall be.
  if (open.some(({ command }) => command.isSettled)) return { comeAgain: [...commandsOf(open), ...untouched] }
  return appendAtOnce(store, task, { basis, round, open, keepSnapshot, signal, recollection })
}

/** Whether what a command came to holds whatever becomes of the append: nothing that is appended comes before it. */
function followsFromRead({ verdict, eventsAfter }: Entry): boolean {
  return 'earlier' in verdict || eventsAfter === 0
}

function appends({ eventsBefore, eventsAfter }: Entry): boolean {
  return eventsAfter > eventsBefore
}

interface Decided {
  readonly basis: Basis
  readonly round: Round
  /** Those that are told once the append has landed. */
  readonly open: readonly Entry[]
  readonly keepSnapshot: KeepSnapshot
  readonly signal: AbortSignal | undefined
  readonly recollection: Recollection | undefined
}

async function appendAtOnce(store: CommandStore, task: AnyTask, decided: Decided): Promise<ExecutedTogether | Further> {
  const { basis, round, open, keepSnapshot, signal, recollection } = decided
  const { events, untouched } = round
  const { version } = basis.folding
  const stream = streamOf(store, task, accepted(task.decider.events))
  let appended: Appended
  try {
    const expectedVersion = version === 0 ? 'no_stream' : version
    const options = { expectedVersion, ...(signal && { signal }) } as const
    const append = (): Promise<Appended> => uncaused(() => stream.append(events, options))
    appended = await (open.find(appends)?.command.inContext(append) ?? append())
  } catch (error) {
    if (isFateUnknown(error)) return afterFailure(error, open, untouched)
    if (isVarveError(error, 'DUPLICATE_EVENT_ID') && mayBeRepeats(decided)) return 'whole'
    if (basis.reach !== 'nothing') return afterFailure(error, open, untouched)
    // What is remembered may be old, and nobody is refused for that.
    recollection?.keep(basis.folding)
    return 'tail'
  }
  // All of them were executed before, where nobody has looked or since then. Each finds its own.
  if (appended.idempotent) return mayBeRepeats(decided) ? 'whole' : oneByOne(open, untouched)
  if (round.after !== undefined) recollection?.keep(foldingAfter(basis.folding, appended, round.after.state))
  const positionOf = await positionsOf(store, appended)
  for (const entry of open) {
    const last = entry.eventsAfter - 1
    tell(entry, { version: appended.firstVersion + last, position: positionOf(last) }, keepSnapshot)
  }
  return { comeAgain: untouched }
}

/** Whether what an earlier execution of one of the commands left may lie where nobody has looked. */
function mayBeRepeats({ basis, open }: Decided): boolean {
  return basis.reach !== 'whole' && open.some(({ command }) => command.options.commandId !== undefined)
}

/** Nobody is harmed by what another one's events were refused for; by a failure only who cannot safely try again. */
function afterFailure(error: unknown, open: readonly Entry[], untouched: readonly Waiting[]): ExecutedTogether {
  if (isVarveError(error, 'VERSION_CONFLICT')) {
    return {
      comeAgain: [...commandsOf(open), ...untouched],
      conflict: { error, lost: commandsOf(open.filter(appends)) },
    }
  }
  if (!isFateUnknown(error)) return oneByOne(open, untouched)
  // Events without an id that is derived may be in the stream by now: to decide for them again might double them.
  const isLost = (entry: Entry): boolean =>
    appends(entry) && (entry.command.options.commandId === undefined || isOfEngine(error))
  for (const { command } of open.filter(isLost)) command.refuse(error)
  return oneByOne(
    open.filter((entry) => !isLost(entry)),
    untouched,
  )
}

function foldingAfter(before: Folding<unknown>, appended: Appended, state: unknown): Folding<unknown> {
  const { firstVersion, version, position, eventIds } = appended
  return {
    ...before,
    state,
    version,
    position,
    firstVersion: before.firstVersion === 0 ? firstVersion : before.firstVersion,
    eventId: eventIds.at(-1) ?? '',
    eventsFolded: before.eventsFolded + eventIds.length,
    tookMs: 0,
  }
}

function isFateUnknown(error: unknown): boolean {
  return !isVarveError(error) || fateUnknown.has(error.code)
}

/** After these nobody knows whether the events were appended; so it is with errors that are not Varve's. */
const fateUnknown: ReadonlySet<string> = new Set([
  'ENGINE_UNAVAILABLE',
  'ENGINE_FAILED',
  'REMOTE_FAILED',
  'STORE_CORRUPT',
  'STORE_CLOSED',
])

/** Failures that each of them would meet again, one after the other. */
function isOfEngine(error: unknown): boolean {
  return isVarveError(error) && ['ENGINE_UNAVAILABLE', 'STORE_CORRUPT', 'STORE_CLOSED'].includes(error.code)
}

function oneByOne(open: readonly Entry[], untouched: readonly Waiting[]): ExecutedTogether {
  const commands = commandsOf(open)
  for (const command of commands) command.isAlone = true
  return { comeAgain: [...commands, ...untouched] }
}

function commandsOf(entries: readonly Entry[]): readonly Waiting[] {
  return entries.map(({ command }) => command)
}

interface Place {
  readonly version: number
  readonly position: number
}

/** Tells a command what became of it; `place` is where the stream stood after it. */
function tell({ command, verdict }: Entry, place: Place, keepSnapshot: KeepSnapshot): void {
  const { options, task } = command
  if ('refusal' in verdict) {
    command.refuse(verdict.refusal)
    return
  }
  const events = 'earlier' in verdict ? verdict.earlier : verdict.events
  const { version, position } = ('earlier' in verdict && verdict.earlier.at(-1)) || place
  const { streamId } = task
  const snapshot = command.inContext(() => keepSnapshot(options))
  command.answer({ streamId, events, version, position, idempotent: 'earlier' in verdict, ...snapshot })
}

/** Positions rise, so those of one append follow each other when they span no more places than it has events. */
async function positionsOf(store: CommandStore, appended: Appended): Promise<(index: number) => number> {
  const { streamId, firstVersion, firstPosition, position, eventIds } = appended
  if (position - firstPosition === eventIds.length - 1) return (index) => firstPosition + index
  const read = new Map<number, number>()
  try {
    for await (const event of store.readStream(streamId, { from: firstVersion, limit: eventIds.length })) {
      read.set(event.version, event.position)
    }
  } catch {
    // They are in the stream, and that alone decides. Whoever has read up to the last one has seen the others too.
  }
  return (index) => read.get(firstVersion + index) ?? position
}

/** By definitions, the same without schemas: what was accepted by one is not given to it again. */
const withoutSchemas = new WeakMap<EventDefinitions, EventDefinitions>()

function accepted(events: EventDefinitions): EventDefinitions {
  const known = withoutSchemas.get(events)
  if (known !== undefined) return known
  const made = Object.fromEntries(
    Object.entries(events).map(([type, definition]) => [type, { ...definition, schema: undefined }]),
  )
  withoutSchemas.set(events, made)
  return made
}
