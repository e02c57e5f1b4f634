import { type AppendedAll, type Clock, type EventStore, isVarveError, type StreamWrite } from 'varve'
import { appendStep } from './append-step.ts'
import { faultOf, lostAt, ProjectionFault, placeOf } from './fault.ts'
import { type Definition, isFault, type Output, type PackedEvent, type StateEntry } from './isolate/exchange.ts'
import { Isolate, IsolateLost } from './isolate/isolate.ts'
import { bounds, type ProjectionLimits } from './limits.ts'
import { PendingStates } from './pending-states.ts'
import { loadPlace, loadState, type Place } from './place.ts'
import type { Registered } from './registry.ts'
import { emittedStreams } from './streams.ts'
import { WrittenStreams, writesOf } from './writes.ts'

/**
 * One go at folding a projection: an isolate, what it has made of the events since the last checkpoint, and how that is
 * saved. After a fault it is worth nothing: whatever is to be kept is folded again, from the checkpoint to before the fault.
 */

/** What a fold needs. */
export interface FoldParts {
  readonly store: EventStore
  readonly clock: Clock
  readonly newId: () => string
  readonly limits: ProjectionLimits
  readonly registered: Registered
  /** Hears what user code says by `log`. */
  readonly logged: (text: string) => void
}

const partition0 = ''

/** A projection that is folded. */
export class Fold implements AsyncDisposable {
  readonly definition: Definition
  readonly #parts: FoldParts
  readonly #isolate: Isolate
  readonly #written = new WrittenStreams()
  #place: Place
  /** How far the events are folded in, saved or not. */
  #position: number
  #state: string | null
  /** Whether the projection as a whole was given an event: before that, `$init` is a state for nobody. */
  #isBegun: boolean
  #shared: string | null
  readonly #pending = new PendingStates()
  #outputs: Output[] = []
  #outputsFor: PackedEvent[] = []
  #cached = 0
  coreMs = 0

  private constructor(parts: FoldParts, isolate: Isolate, definition: Definition, place: Place) {
    this.#parts = parts
    this.#isolate = isolate
    this.definition = definition
    this.#place = place
    this.#position = place.position
    this.#state = place.state
    this.#isBegun = place.state !== null
    this.#shared = place.shared
  }

  /**
   * Loads the user's source, and takes up what was left.
   *
   * @throws ProjectionFault when the source is none.
   */
  static async open(parts: FoldParts): Promise<Fold> {
    const { store, registered } = parts
    const isolate = await openIsolate(parts)
    try {
      const definition = await definitionOf(isolate, parts)
      const isKept = registered.mode !== 'transient'
      const place = isKept ? await loadPlace(store, registered) : { position: 0, state: null, shared: null, version: 0 }
      const fold = new Fold(parts, isolate, definition, place)
      await fold.#restore()
      return fold
    } catch (error) {
      await isolate[Symbol.asyncDispose]()
      throw error instanceof IsolateLost ? lostAt([], error) : error
    }
  }

  /** Where the last checkpoint is. */
  get saved(): number {
    return this.#place.position
  }

  get position(): number {
    return this.#position
  }

  get partitionsCached(): number {
    return this.#cached
  }

  get outputsWaiting(): number {
    return this.#outputs.length
  }

  /** Whether more states wait for a checkpoint than should. */
  get isFull(): boolean {
    return this.#pending.chars >= bounds.pendingChars
  }

  /** What was folded is known up to here, where there was nothing for it. */
  passed(position: number): void {
    this.#position = Math.max(this.#position, position)
  }

  /**
   * Folds events in, as many of them as one append can hold what came of.
   *
   * @returns how many.
   * @throws ProjectionFault
   */
  async take(events: readonly PackedEvent[]): Promise<number> {
    const startedMs = this.#parts.clock.now()
    try {
      const { named, fault } = await this.#partitioned(events)
      const done = await this.#evaluate(named)
      if (fault !== undefined && done === named.length) throw fault
      const end = named[done - 1]
      const taken = end === undefined ? 0 : events.findIndex(([position]) => position === end[0]) + 1
      // What had no partition at the end is done with as well.
      const count = done === named.length && fault === undefined ? events.length : taken
      this.passed(events[count - 1]?.[0] ?? 0)
      return count
    } catch (error) {
      throw error instanceof IsolateLost ? lostAt(events, error) : error
    } finally {
      this.coreMs += this.#parts.clock.now() - startedMs
    }
  }

  /** The state of a partition, of the projection as a whole without one; undefined for none. */
  async stateOf(partition: string): Promise<string | undefined> {
    if (partition === partition0) return this.#given ?? undefined
    const pending = this.#pending.get(partition)
    if (pending !== undefined || this.#parts.registered.mode === 'transient') return pending
    return loadState(this.#parts.store, this.#parts.registered, partition)
  }

  /** The state of the projection as a whole, once there is one. */
  get #given(): string | null {
    return this.#isBegun ? this.#state : null
  }

  /** The result that a state has. */
  async resultOf(state: string): Promise<string | null> {
    const result = await this.#isolate.result(state)
    if (isFault(result)) throw faultOf(result, [], this.#parts.limits)
    return result
  }

  /**
   * Writes everything that came of the events so far, once, and the place with it.
   *
   * @throws Overtaken when others have; ProjectionFault when the store refuses what was emitted.
   */
  async save(): Promise<void> {
    const { store, registered, newId } = this.#parts
    if (registered.mode === 'transient') return
    const next = { position: this.#position, state: this.#given, shared: this.#shared }
    const step = { registered, definition: this.definition, place: this.#place, next, outputs: this.#outputs }
    const checkpointId = newId()
    const writes = await writesOf(store, { ...step, events: this.#outputsFor, checkpointId }, this.#written)
    const appended = await this.#appendAll(writes, next.position, checkpointId)
    for (const { streamId, version } of appended.streams) this.#written.appended(streamId, version)
    this.#place = { ...next, version: appended.streams.at(-1)?.version ?? 0 }
    this.#outputs = []
    this.#outputsFor = []
    this.#pending.clear()
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#isolate[Symbol.asyncDispose]()
  }

  async #restore(): Promise<void> {
    const { store, registered, limits } = this.#parts
    const fault = await this.#isolate.initialize()
    if (fault !== undefined) throw faultOf(fault, [], limits)
    if (this.#state !== null || this.#shared !== null) {
      const states: StateEntry[] = this.#state === null ? [] : [[partition0, this.#state]]
      const refused = await this.#isolate.restore(states, this.#shared)
      if (refused !== undefined) throw faultOf(refused, [], limits)
    }
    await this.#collect([])
    if (!registered.trackEmitted) return
    for await (const event of store.readStream(emittedStreams(registered))) {
      this.#written.tracked.add(Buffer.from(event.rawData).toString())
    }
  }

  /** The events with their partitions; those that have none are left out. */
  async #partitioned(events: readonly PackedEvent[]): Promise<{ named: PackedEvent[]; fault?: ProjectionFault }> {
    if (this.definition.by !== 'key') return { named: [...events] }
    const { names, fault } = await this.#isolate.partitions(events)
    const named = names.flatMap((name, at) => (name === null ? [] : [inPartition(events[at] as PackedEvent, name)]))
    return { named, ...(fault !== undefined && { fault: faultOf(fault, events, this.#parts.limits) }) }
  }

  async #evaluate(events: readonly PackedEvent[]): Promise<number> {
    if (events.length === 0) return 0
    if (this.definition.by !== 'nothing') await this.#restorePartitions(events)
    const { done, outputs, logs, fault } = await this.#isolate.evaluate(events)
    for (const text of logs) this.#parts.logged(text)
    if (fault !== undefined) throw faultOf(fault, events, this.#parts.limits)
    this.#outputs.push(...outputs)
    this.#isBegun ||= done > 0
    if (outputs.length > 0) this.#outputsFor.push(...events.slice(0, done))
    await this.#collect(events)
    return done
  }

  async #restorePartitions(events: readonly PackedEvent[]): Promise<void> {
    const { store, registered, limits } = this.#parts
    const unknown = await this.#isolate.unknown([...new Set(events.map(([, partition]) => partition))])
    const states: StateEntry[] = []
    for (const partition of unknown) {
      const pending = this.#pending.get(partition)
      const state = pending ?? (this.#place.position === 0 ? undefined : await loadState(store, registered, partition))
      if (state !== undefined) states.push([partition, state])
    }
    if (states.length === 0) return
    const fault = await this.#isolate.restore(states, null)
    if (fault !== undefined) throw faultOf(fault, events, limits)
  }

  /** Takes the states that have changed out of the isolate, as JSON. */
  async #collect(events: readonly PackedEvent[]): Promise<void> {
    const { memoryMib } = this.#parts.limits
    const room = { partitions: bounds.cachedPartitions, chars: memoryMib * 1_048_576 * bounds.cachedShare }
    const collected = await this.#isolate.collect(room)
    if (isFault(collected)) throw faultOf(collected, events, this.#parts.limits)
    this.#cached = collected.partitions
    for (const [partition, state, position] of collected.changed) {
      this.#refuseLarge(partition, state, events, position)
      if (partition === partition0 && this.definition.by === 'nothing') this.#state = state
      else this.#pending.set(partition, state)
    }
    if (collected.shared !== null) {
      this.#shared = collected.shared
      this.#refuseLarge('', collected.shared, events, events.at(-1)?.[0] ?? 0)
    }
  }

  #refuseLarge(partition: string, state: string, events: readonly PackedEvent[], at: number): void {
    const { stateBytes } = this.#parts.limits
    const bytes = Buffer.byteLength(state)
    const problem =
      bytes > stateBytes
        ? `it has ${bytes} bytes, more than ${stateBytes}`
        : partition.length > partitionChars
          ? `its partition's name has ${partition.length} characters, more than ${partitionChars}`
          : undefined
    if (problem === undefined) return
    const handling =
      partition === partition0 ? 'the state of the projection' : `the state of partition ${partition.slice(0, 200)}`
    throw faultOf({ at, handling, name: 'RangeError', message: problem, stack: '' }, events, this.#parts.limits)
  }

  async #appendAll(writes: readonly StreamWrite[], position: number, checkpointId: string): Promise<AppendedAll> {
    try {
      await this.#pending.save({ ...this.#parts, place: this.#place, position, checkpointId })
      return await appendStep(this.#parts.store, this.#parts.clock, writes)
    } catch (error) {
      if (!isVarveError(error) || isVarveError(error, 'STORE_CLOSED')) throw error
      const stream = isVarveError(error, 'STREAM_TOMBSTONED') ? error.streamId : undefined
      const at = (this.#outputs.find(([, , , place]) => place === stream) ?? this.#outputs[0])?.[0]
      const cause = this.#outputsFor.find(([one]) => one === at)
      const place = cause === undefined ? `at position ${position}` : `of what was emitted for event ${placeOf(cause)}`
      throw new ProjectionFault(`An append was refused, ${place}: ${error.message}`, at)
    }
  }
}

/** The store's names hold a partition's with what stands before it. */
const partitionChars = 700

function inPartition(event: PackedEvent, partition: string): PackedEvent {
  const [position, , ...rest] = event
  return [position, partition, ...rest]
}

function openIsolate({ limits, clock }: FoldParts): Promise<Isolate> {
  const { eventMs, memoryMib, emits } = limits
  const sandbox = { memoryBytes: memoryMib * 1_048_576, eventMs, emits, outputChars: bounds.outputChars }
  return Isolate.open({ limits: sandbox, clock })
}

async function definitionOf(isolate: Isolate, { registered, limits }: FoldParts): Promise<Definition> {
  const definition = await isolate.load(registered.query)
  if (isFault(definition)) throw faultOf(definition, [], limits)
  if (!definition.isAll && definition.streams.length === 0) {
    throw new ProjectionFault('The query has no source: begin with fromAll, fromStream, fromStreams or fromCategory.')
  }
  return definition
}
