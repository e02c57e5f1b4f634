/**
 * One process among those that run projections. Four times in a lease it shows that it lives, looks at the shelf, and does
 * its part: it makes the generations of its versions, claims what is free, gives back what is too much or not wanted, shows
 * generations that have caught up, and removes those that are retired.
 */
import type { Clock } from '../engine/clock.ts'
import type { EventStore } from '../event-store.ts'
import { isVarveError, StoreClosed } from '../model/errors.ts'
import type { RecordedEvent } from '../model/event.ts'
import type { Tracer } from '../model/tracer.ts'
import { type Bell, createBell } from './bell.ts'
import { type ProjectionControl, recordOf } from './control.ts'
import { endingShelf } from './ending-shelf.ts'
import { createFreeTimes, type FreeTimes } from './free-times.ts'
import { createGenerationTargets, type GenerationTargets } from './generation-targets.ts'
import { type Prepared, prepareGenerations } from './generations.ts'
import { LogReader } from './log-reader.ts'
import { createMembership, type Membership } from './membership.ts'
import { type MemberView, ownershipStep, type PartitionView } from './ownership.ts'
import { reasonOf } from './parking.ts'
import { createProblems, type Problems } from './problems.ts'
import type { Projection } from './projection.ts'
import {
  type Kept,
  type Member,
  type PartitionEntry,
  type ProjectionShelf,
  partitionKey,
  projectionShelf,
  type SharedView,
} from './projection-shelf.ts'
import { runGeneration } from './run-generation.ts'
import { type ProjectionLogLine, RunningPartition } from './running-partition.ts'
import { createTender, type Tender } from './tender.ts'
import type { LocalProgress } from './wait-for.ts'
import { createWatchedTime, type WatchedTime } from './watched-time.ts'

/** What running projections needs of a store: any store has it, embedded or remote. */
export type ProjectionStore = Pick<EventStore, 'capabilities' | 'subscribe' | 'readAll' | 'head' | 'shelf' | 'tracer'>

/** The options of an instance, every one of them present. */
export interface InstanceOptions {
  readonly instance: string
  readonly leaseMs: number
  readonly swap: 'when_caught_up' | 'manual'
  readonly keepsPrevious: boolean
  readonly rebuildEventsPerSecond: number | undefined
  readonly signal: AbortSignal
  readonly log: (line: ProjectionLogLine) => void
  readonly clock: Clock
  readonly random: () => number
  readonly tracer: Tracer | undefined
}

/** How soon an instance looks again while one of its generations is not shown yet, in milliseconds. */
const eagerMs = 250

/** A process that runs projections; it begins at once. */
export class Instance implements LocalProgress {
  /** Resolves when it has stopped. */
  readonly done: Promise<void>
  readonly #store: ProjectionStore
  readonly #projections: ReadonlyMap<string, Projection<unknown>>
  readonly #options: InstanceOptions
  readonly #shelf: ProjectionShelf
  readonly #stopping = new AbortController()
  readonly #signal: AbortSignal
  readonly #reader: LogReader
  readonly #member: Membership
  readonly #running = new Map<string, RunningPartition>()
  readonly #targets: GenerationTargets = createGenerationTargets()
  readonly #problems: Problems
  readonly #tend: Tender
  readonly #time: WatchedTime
  readonly #freeMs: FreeTimes
  /** Keys of the partitions that have failed in this process: under the name of one before it others may have tried. */
  readonly #failed = new Set<string>()
  /** The version of each projection that can be run here. */
  #able: Member['versions']
  #controls: ReadonlyMap<string, ProjectionControl> = new Map()
  /** Rings when a partition that runs here has come further. */
  readonly #moved: Bell = createBell()
  /** Rings when readers see another generation. */
  readonly #shown: Bell = createBell()
  /** Aborts when the next look is due at once. */
  #due = new AbortController()

  constructor(store: ProjectionStore, projections: readonly Projection<unknown>[], options: InstanceOptions) {
    const { instance, clock, leaseMs, log } = options
    this.#store = store
    this.#signal = this.#stopping.signal
    this.#shelf = projectionShelf(endingShelf(store, this.#signal, clock))
    this.#projections = new Map(projections.map((projection) => [projection.name, projection]))
    this.#options = options
    this.#able = Object.fromEntries(projections.map(({ name, version }) => [name, version]))
    this.#problems = createProblems(log)
    const parts = {
      shelf: this.#shelf,
      projections: this.#projections,
      targets: this.#targets,
      problems: this.#problems,
    }
    this.#tend = createTender({ ...parts, ...options })
    this.#time = createWatchedTime(clock, leaseMs / 2)
    this.#freeMs = createFreeTimes(this.#time)
    // Whatever the reason of the caller's signal: what it ends has not failed.
    if (options.signal.aborted) this.#abort()
    else options.signal.addEventListener('abort', () => this.#abort(), { once: true, signal: this.#signal })
    this.#reader = new LogReader(
      store,
      projections.map(({ filter }) => filter),
      clock,
    )
    this.#member = createMembership(this.#shelf, this.#time, instance)
    this.done = this.#run()
  }

  stop(): Promise<void> {
    this.#abort()
    return this.done
  }

  #abort(): void {
    this.#stopping.abort(new StoreClosed('The instance'))
  }

  positionOf(projection: string, generation: number, partition: number): number | undefined {
    const entry = this.#running.get(partitionKey(projection, generation, partition))?.entry
    // What the shelf says is what another target held, if this one does not outlast its process.
    return entry?.state === 'new' ? -1 : entry?.position
  }

  async isShown(projection: string, generation: number): Promise<boolean> {
    const known = this.#projections.get(projection)
    return known !== undefined && (await this.#targets.isShown(known, generation))
  }

  further(signal: AbortSignal): Promise<void> {
    return this.#moved.rung(signal)
  }

  shown(signal: AbortSignal): Promise<void> {
    return this.#shown.rung(signal)
  }

  async #run(): Promise<void> {
    const { clock, leaseMs, log } = this.#options
    for (let failures = 0; !this.#signal.aborted; ) {
      try {
        const isComplete = await this.#step()
        failures = 0
        if (isComplete) await this.#pause()
      } catch (error) {
        if (this.#signal.aborted || isVarveError(error, 'STORE_CLOSED')) break
        failures++
        const text = `The instance could not look at what is to be done: ${reasonOf(error).reason} It tries again.`
        log({ level: isVarveError(error) && error.retryable ? 'warn' : 'error', error, text })
        await clock.sleep(Math.min(leaseMs / 4, 100 * 2 ** failures), this.#signal)
      }
    }
    await this.#end()
  }

  /** Until the next look. */
  async #pause(): Promise<void> {
    const { clock, leaseMs } = this.#options
    const pauseMs = this.#isEager() ? Math.min(leaseMs / 4, eagerMs) : leaseMs / 4
    await clock.sleep(pauseMs, AbortSignal.any([this.#signal, this.#due.signal]))
    if (this.#due.signal.aborted) this.#due = new AbortController()
  }

  /** One look at the shelf and what follows from it. False when there is more to do at once. */
  async #step(): Promise<boolean> {
    const { clock, leaseMs, log, instance } = this.#options
    this.#time.look()
    if ((await this.#member.beat(this.#able)) === 'buried') {
      log({ level: 'warn', text: `The others took over from ${instance}, which was silent for ${leaseMs} ms.` })
      await Promise.all([...this.#running.keys()].map((key) => this.#release(key)))
      return false
    }
    const view = await this.#shelf.view(this.#signal)
    this.#controls = new Map(view.controls.map(({ value }) => [value.name, value]))
    const head = (): Promise<number> => this.#store.head({ signal: this.#signal })
    const projections = [...this.#projections.values()]
    const { isComplete, unable } = await prepareGenerations(this.#shelf, projections, view, {
      nowMs: clock.now(),
      head,
    })
    this.#tellUnable(unable)
    const members = this.#member.seen(view.members)
    for (const kept of view.partitions) this.#running.get(kept.key)?.hear(kept)
    const partitions = view.partitions.map((kept) => this.#viewOf(kept))
    const next = ownershipStep({ me: this.#member.id, leaseMs, members, partitions })
    for (const id of next.bury) await this.#member.bury(id)
    await Promise.all(next.release.map((key) => this.#release(key)))
    for (const kept of view.partitions) if (next.claim.includes(kept.key)) await this.#claim(kept)
    await this.#tendAll(
      view,
      members.filter(({ id }) => !next.bury.includes(id)),
    )
    return isComplete
  }

  #viewOf({ key, value }: Kept<PartitionEntry>): PartitionView {
    const { projection, generation, state, failure } = value
    const control = this.#controls.get(projection)
    const record = control?.generations.find((one) => one.generation === generation)
    const isSpent = state === 'failed' && failure?.triedBy.includes(this.#member.id) === true && this.#failed.has(key)
    const isWanted = control?.wanted === 'running' && record !== undefined && record.role !== 'retired' && !isSpent
    // What it claimed without hearing the answer, or before a crash under the same name, does not run.
    const owner = value.owner === this.#member.id && !this.#running.has(key) ? undefined : value.owner
    return { key, projection, version: record?.version ?? 0, owner, isWanted, freeMs: this.#freeMs(key, value) }
  }

  async #claim(kept: Kept<PartitionEntry>): Promise<void> {
    const { projection: name, generation, partition } = kept.value
    const projection = this.#projections.get(name)
    const control = this.#controls.get(name)
    if (projection === undefined || control === undefined || this.#signal.aborted) return
    if (this.#able[name] === undefined) return
    const epoch = kept.value.epoch + 1
    const owner = this.#member.id
    const claimed = await this.#shelf.put({ ...kept, value: { ...kept.value, owner, epoch, state: 'new' as const } })
    if (claimed === 'conflict') return
    const { clock, log, random, tracer } = this.#options
    const told = new RunningPartition(claimed, {
      ...{ shelf: this.#shelf, clock, owner, log, ending: this.#signal, changed: this.#moved.ring },
      caughtUp: () => this.#caughtUp(name, generation),
    })
    this.#running.set(kept.key, told)
    log({ level: 'info', projection: name, generation, partition, text: `Runs in ${owner} from here on.` })
    const { headAtStart } = recordOf(control, generation)
    const signal = AbortSignal.any([this.#signal, told.stopping.signal])
    const run = {
      ...{ projection, generation, partition, epoch, signal, clock, random, told, tracer },
      ...{ store: this.#store, reader: this.#reader, shelf: this.#shelf },
      eventsPerSecond: () => (this.#isShown(name, generation) ? undefined : this.#options.rebuildEventsPerSecond),
      mayTell: ({ position }: RecordedEvent) => position > headAtStart && this.#mayBeSeen(name, generation),
    }
    void told
      .during(() => runGeneration(run, this.#targets))
      .then(() => {
        if (told.entry.state === 'failed') this.#failed.add(kept.key)
        this.#running.delete(kept.key)
        this.#moved.ring()
      })
  }

  async #release(key: string): Promise<void> {
    const running = this.#running.get(key)
    running?.stopping.abort(new StoreClosed('The partition'))
    await running?.ended
  }

  async #tendAll(view: SharedView, living: readonly MemberView[]): Promise<void> {
    const agreed = await this.#tend(view, { me: this.#member.id, living })
    const before = this.#controls
    this.#controls = new Map([...before, ...agreed.map((control) => [control.name, control] as const)])
    if (agreed.some(({ name, published }) => published !== before.get(name)?.published)) this.#shown.ring()
  }

  /** Says which projections are not run here, and lets the others know. */
  #tellUnable(unable: Prepared['unable']): void {
    for (const [name, line] of unable) this.#problems.are(`run ${name}`, { projection: name, ...line })
    const able = [...this.#projections.values()].filter(({ name }) => !unable.has(name))
    for (const { name } of able) this.#problems.areOver(`run ${name}`)
    this.#able = Object.fromEntries(able.map(({ name, version }) => [name, version]))
  }

  #isShown(name: string, generation: number): boolean {
    return this.#controls.get(name)?.published === generation
  }

  /** The first generation is on its way to its readers from the beginning. */
  #mayBeSeen(name: string, generation: number): boolean {
    return (this.#controls.get(name)?.published ?? generation) === generation
  }

  /** A new generation is to be shown as soon as it can be. */
  #isEager(): boolean {
    return [...this.#running.values()].some(({ entry }) => !this.#isShown(entry.projection, entry.generation))
  }

  /** Whoever waits for a generation shall see it as soon as the last of its partitions that run here is ready. */
  #caughtUp(name: string, generation: number): void {
    const isReady = [...this.#running.values()].every(
      ({ entry: of, hasToldThatItCaughtUp: has }) => of.projection !== name || of.generation !== generation || has,
    )
    if (isReady && !this.#isShown(name, generation)) this.#due.abort()
  }

  async #end(): Promise<void> {
    this.#abort()
    await Promise.all([...this.#running.values()].map(({ ended }) => ended))
    this.#reader.close()
    // Where the store is gone already, the lease ends by itself.
    await this.#member.leave().catch(() => undefined)
    await this.#targets.closeAll()
  }
}
