import type { Clock, EventStore } from 'varve'
import { CallFailed } from '../grpc/status.ts'
import { notThere, type Registered, refuseUnfit, refuseUnfitQuery } from './registry.ts'
import { deleteStreams, type Leftovers, refuseUnremovable } from './remove.ts'
import { systemProjections } from './statistics.ts'
import type { Supervisor } from './supervisor.ts'

/** What a projection is created with. */
export interface CreateOptions {
  readonly oneTime?: object
  readonly transient?: { readonly name: string }
  readonly continuous?: {
    readonly name: string
    readonly emitEnabled: boolean
    readonly trackEmittedStreams: boolean
  }
  readonly query: string
  readonly engineVersion: number
}

/** What of a projection is changed. */
export interface UpdateOptions {
  readonly name: string
  readonly query: string
  readonly emitEnabled?: boolean
}

/** What administration needs. */
export interface AdministrationParts {
  readonly store: EventStore
  readonly clock: Clock
  readonly newId: () => string
  readonly projections: Supervisor
}

/** How long an answer waits for a projection to begin or to end; how it is doing can be asked afterwards. */
const waitMs = 5_000
const lookMs = 20

/** Creates, changes and deletes projections, wherever they run. */
export class Administration {
  readonly #parts: AdministrationParts

  constructor(parts: AdministrationParts) {
    this.#parts = parts
  }

  /** @throws CallFailed when there is none of that name. */
  async find(name: string): Promise<Registered> {
    const { projections } = this.#parts
    const found = projections.transientOf(name) ?? (await projections.registry.find(name))?.registered
    if (found === undefined) throw notThere(name)
    return found
  }

  async all(): Promise<readonly Registered[]> {
    const { projections } = this.#parts
    const kept = await projections.registry.all()
    return [...kept.map(({ registered }) => registered), ...projections.transients]
  }

  async create(options: CreateOptions): Promise<void> {
    const { projections } = this.#parts
    const registered = this.#newFrom(options)
    refuseUnfit(registered.name, registered.query)
    if (registered.mode === 'transient') {
      const taken = projections.transientOf(registered.name) ?? (await projections.registry.find(registered.name))
      if (taken !== undefined) {
        throw new CallFailed('alreadyExists', `There is a projection ${registered.name} already.`)
      }
      projections.startTransient(registered)
      return
    }
    await projections.registry.create(registered)
    await this.#begun(registered.name)
  }

  async update({ name, query, emitEnabled }: UpdateOptions): Promise<void> {
    refuseSystem(name, 'changed')
    refuseUnfitQuery(query)
    await this.#change(name, (now) => ({
      ...now,
      query,
      ...(emitEnabled !== undefined && { emitEnabled }),
      version: now.version + 1,
      fault: null,
      completed: false,
    }))
    await this.#begun(name)
  }

  async enable(name: string): Promise<void> {
    // Views are always there.
    if (systemProjections.includes(name)) return
    await this.#change(name, (now) => ({ ...now, wanted: 'running', fault: null }))
    await this.#begun(name)
  }

  async disable(name: string, wanted: 'stopped' | 'aborted'): Promise<void> {
    refuseSystem(name, 'stopped')
    await this.#change(name, (now) => ({ ...now, wanted }))
    await this.#ended(name)
  }

  async reset(name: string): Promise<void> {
    refuseSystem(name, 'reset')
    await this.#change(name, (now) => ({ ...now, epoch: now.epoch + 1, fault: null, completed: false }))
    await this.#begun(name)
  }

  async delete(name: string, leftovers: Leftovers): Promise<void> {
    const { store, projections } = this.#parts
    refuseSystem(name, 'deleted')
    if (projections.transientOf(name) !== undefined) return projections.dropTransient(name)
    const kept = await projections.registry.find(name)
    if (kept === undefined) throw notThere(name)
    refuseUnremovable(kept.registered, leftovers)
    await this.#ended(name)
    await projections.registry.remove(name, kept)
    await projections.leases.forget(name)
    await deleteStreams(store, kept.registered, leftovers)
  }

  #newFrom({ oneTime, transient, continuous, query, engineVersion }: CreateOptions): Registered {
    const { newId } = this.#parts
    if (continuous?.trackEmittedStreams === true) refuseUntrackable(continuous.emitEnabled, engineVersion)
    const id = newId()
    const base = {
      id,
      query,
      emitEnabled: continuous?.emitEnabled ?? false,
      trackEmitted: continuous?.trackEmittedStreams ?? false,
      engineVersion,
      epoch: 0,
      version: 0,
      wanted: 'running',
      fault: null,
      completed: false,
    } as const
    if (continuous !== undefined) return { ...base, name: continuous.name, mode: 'continuous' }
    if (transient !== undefined)
      return { ...base, name: transient.name === '' ? id : transient.name, mode: 'transient' }
    // A query that runs once has no name of its own.
    if (oneTime !== undefined) return { ...base, name: id, mode: 'one_time' }
    throw new CallFailed(
      'invalidArgument',
      'It is not said how long the projection runs: continuous, once or transient.',
    )
  }

  #change(name: string, change: (now: Registered) => Registered): Promise<Registered> {
    if (this.#parts.projections.transientOf(name) !== undefined) {
      throw new CallFailed('failedPrecondition', `${name} is transient: it runs once, and can only be deleted.`)
    }
    return this.#parts.projections.registry.change(name, change)
  }

  /** Waits until a projection runs here, or cannot; one that another server runs is its business. */
  async #begun(name: string): Promise<void> {
    const { projections, clock } = this.#parts
    await projections.look()
    const untilMs = clock.now() + waitMs
    while (projections.runOf(name)?.figures.phase === 'Starting' && clock.now() < untilMs) await clock.sleep(lookMs)
  }

  /** Waits until nobody runs a projection. */
  async #ended(name: string): Promise<void> {
    const { projections, clock } = this.#parts
    await projections.look()
    const untilMs = clock.now() + waitMs
    while (clock.now() < untilMs) {
      const owner = (await projections.leases.look(name))?.owner ?? ''
      if (owner === '') return
      await clock.sleep(lookMs)
    }
  }
}

/** In KurrentDB these are failures of the server: the Python client knows them by the first words. */
function refuseUntrackable(emitEnabled: boolean, engineVersion: number): void {
  const problem = emitEnabled
    ? engineVersion === 2 && 'engine version 2 does not track emitted streams; leave out trackEmittedStreams.'
    : 'emitEnabled must be true to track emitted streams.'
  if (problem === false) return
  throw new CallFailed('unknown', `Exception was thrown by handler: ${problem}`)
}

function refuseSystem(name: string, what: string): void {
  if (!systemProjections.includes(name)) return
  const problem = `${name} is a view of the store, which is always there: it cannot be ${what}.`
  throw new CallFailed('failedPrecondition', problem)
}
