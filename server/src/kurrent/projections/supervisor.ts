import { type Clock, type EventStore, isVarveError } from 'varve'
import { Overtaken, ProjectionFault } from './fault.ts'
import type { FoldParts } from './fold.ts'
import { type Lease, Leases } from './lease.ts'
import type { ProjectionLimits } from './limits.ts'
import { type Kept, type Registered, Registry } from './registry.ts'
import { type Ended, type Ending, Run } from './run.ts'

/**
 * The projections that this server runs: those that are wanted, that nobody else runs, as many as it may.
 *
 * It looks at the shelf again and again, and at once when something was changed here. A projection whose registration has
 * changed is ended, and begun anew as it is now.
 */

/** What running projections needs. */
export interface SupervisorParts {
  readonly store: EventStore
  readonly clock: Clock
  readonly newId: () => string
  readonly limits: ProjectionLimits
  /** Time after which an owner that shows no sign of life is taken for lost, in milliseconds. */
  readonly leaseMs: number
  /** Hears what user code says by `log`, and what goes wrong beside it. */
  readonly logged: (projection: string, text: string) => void
}

/** How often the shelf is looked at: changes by other servers, and signs of life, come as late as this. */
const lookMs = 1_000
/** The same while there are no projections. */
const idleLookMs = 5_000
/** Queries that leave nothing behind, with what they have come to. */
const transientsMax = 16
/** A run that others were before with begins again after this, and so often without getting anywhere. */
const pauseMs = 200
const standstillsMax = 5

interface Running {
  readonly registered: Registered
  readonly run: Run
  readonly lease: Lease | undefined
  /** Settles when it has ended and everything is written that says so. */
  readonly ended: Promise<void>
}

/** Runs projections until it is closed. */
export class Supervisor {
  readonly registry: Registry
  readonly leases: Leases
  readonly #parts: SupervisorParts
  readonly #closing = new AbortController()
  readonly #running = new Map<string, Running>()
  /** Queries without a registration: what they have come to is here alone. */
  readonly #transient = new Map<string, Registered>()
  readonly #transientRuns = new Map<string, Run>()
  readonly #pausedUntilMs = new Map<string, number>()
  readonly #overtaken = new Map<string, { readonly saved: number; readonly times: number }>()
  #areNone = true
  #complaint = ''
  #wake = new AbortController()
  #looking: Promise<void> = Promise.resolve()
  readonly #loop: Promise<void>

  constructor(parts: SupervisorParts) {
    this.#parts = parts
    this.registry = new Registry(parts.store)
    this.leases = new Leases({ ...parts, owner: parts.newId() })
    // A server that may run none has nothing to look after.
    this.#loop = parts.limits.running === 0 ? Promise.resolve() : this.#watch()
  }

  /** The run of a projection on this server. */
  runOf(name: string): Run | undefined {
    return this.#running.get(name)?.run ?? this.#transientRuns.get(name)
  }

  /** A query that is registered nowhere. */
  transientOf(name: string): Registered | undefined {
    return this.#transient.get(name)
  }

  get transients(): readonly Registered[] {
    return [...this.#transient.values()]
  }

  /** What a fold of a projection needs. */
  foldParts(registered: Registered): FoldParts {
    const { store, clock, newId, limits, logged } = this.#parts
    return { store, clock, newId, limits, registered, logged: (text) => logged(registered.name, text) }
  }

  /** Looks at once at what is wanted. */
  async look(): Promise<void> {
    this.#looking = this.#looking.then(() => this.#lookOnce())
    await this.#looking
  }

  /** Starts a query that leaves nothing behind; the one that was started first goes when there are too many. */
  startTransient(registered: Registered): void {
    const [oldest] = this.#transient.keys()
    if (this.#transient.size >= transientsMax && oldest !== undefined) void this.dropTransient(oldest)
    this.#transient.set(registered.name, registered)
    const run = new Run(this.foldParts(registered))
    this.#transientRuns.set(registered.name, run)
    const set = (change: Partial<Registered>): void => {
      const now = this.#transient.get(registered.name)
      if (now?.id === registered.id) this.#transient.set(registered.name, { ...now, ...change })
    }
    run.run().then(
      (ended) => set(ended === 'completed' ? { completed: true } : {}),
      (error: unknown) => set({ fault: (error as Error).message }),
    )
  }

  async dropTransient(name: string): Promise<void> {
    const run = this.#transientRuns.get(name)
    this.#transient.delete(name)
    this.#transientRuns.delete(name)
    run?.end('drop')
    await run?.close()
  }

  /** Ends a projection here, if it runs here. */
  async end(name: string, ending: Ending): Promise<void> {
    const running = this.#running.get(name)
    running?.run.end(ending)
    await running?.ended
  }

  /** Ends all and begins them anew. */
  async restart(): Promise<void> {
    await Promise.all([...this.#running.keys()].map((name) => this.end(name, 'save')))
    await this.look()
  }

  /** Ends all, with their places saved. */
  async close(): Promise<void> {
    this.#closing.abort()
    this.#wake.abort()
    await this.#loop
    await this.#looking
    await Promise.all([...this.#running.keys()].map((name) => this.end(name, 'save')))
    await Promise.all([...this.#transient.keys()].map((name) => this.dropTransient(name)))
  }

  async #watch(): Promise<void> {
    while (!this.#closing.signal.aborted) {
      await this.look()
      this.#wake = new AbortController()
      const untilNextMs = this.#areNone ? idleLookMs : lookMs
      await this.#parts.clock.sleep(untilNextMs, AbortSignal.any([this.#wake.signal, this.#closing.signal]))
    }
  }

  async #lookOnce(): Promise<void> {
    if (this.#closing.signal.aborted) return
    try {
      const all = await this.registry.all()
      // The loop sleeps for long while there are none, and has signs of life to give once there are.
      if (this.#areNone && all.length > 0) this.#wake.abort()
      this.#areNone = all.length === 0
      this.#complaint = ''
      await Promise.all([...this.#running.values()].map((running) => this.#tend(running, all)))
      for (const { registered } of all) if (isDue(registered)) await this.#start(registered)
    } catch (error) {
      if (this.#closing.signal.aborted || isVarveError(error, 'STORE_CLOSED')) return
      const complaint = `The projections could not be looked at: ${(error as Error).message}`
      // Said once, and not with every look.
      if (complaint !== this.#complaint) this.#parts.logged('', complaint)
      this.#complaint = complaint
    }
  }

  /** Shows that a run lives, or ends one that is not wanted as it is. */
  async #tend({ registered, run, lease }: Running, all: readonly Kept[]): Promise<void> {
    const now = all.find(({ registered: one }) => one.name === registered.name)?.registered
    const isSame = now?.id === registered.id && now.epoch === registered.epoch && now.version === registered.version
    if (!isSame || now.wanted !== 'running') {
      await this.end(
        registered.name,
        isSame && now.wanted === 'stopped' ? 'save' : isSame ? 'drop' : endingOf(now, registered),
      )
      return
    }
    run.tick()
    if ((await lease?.beat(run.figures)) === false) await this.end(registered.name, 'drop')
  }

  async #start(registered: Registered): Promise<void> {
    const { limits, clock } = this.#parts
    const { name, id } = registered
    if (this.#running.has(name) || this.#running.size >= limits.running) return
    if (clock.now() < (this.#pausedUntilMs.get(name) ?? 0)) return
    const lease = await this.leases.take(name, id)
    if (lease === undefined) return
    const run = new Run(this.foldParts(registered))
    const ended = this.#accompany(registered, run, lease)
    this.#running.set(name, { registered, run, lease, ended })
  }

  /** Runs, and says how it ended. */
  async #accompany(registered: Registered, run: Run, lease: Lease): Promise<void> {
    const { name } = registered
    try {
      await this.#note(registered, await run.run())
    } catch (error) {
      await this.#noteFailure(registered, this.#standstillOf(registered, run, error) ?? error)
    } finally {
      this.#running.delete(name)
      await lease.release(run.figures).catch(() => undefined)
      this.#wake.abort()
    }
  }

  /** Whoever is overtaken again and again from the same checkpoint is overtaken by nobody. */
  #standstillOf({ name }: Registered, run: Run, error: unknown): ProjectionFault | undefined {
    if (!(error instanceof Overtaken)) {
      this.#overtaken.delete(name)
      return undefined
    }
    const { saved } = run.figures
    const before = this.#overtaken.get(name)
    const times = before?.saved === saved ? before.times + 1 : 1
    this.#overtaken.set(name, { saved, times })
    if (times < standstillsMax) return undefined
    this.#overtaken.delete(name)
    return new ProjectionFault(
      `What it writes behind position ${saved} is there already, and its checkpoint is not: was that stream deleted? ` +
        `Reset the projection to have everything emitted again. ${error.message}`,
    )
  }

  async #note({ name, id }: Registered, ended: Ended): Promise<void> {
    if (ended !== 'completed') return
    await this.registry.change(name, (now) => (now.id === id ? { ...now, completed: true } : undefined))
  }

  async #noteFailure(registered: Registered, error: unknown): Promise<void> {
    const { clock, logged } = this.#parts
    const { name, id, version, epoch } = registered
    if (isVarveError(error, 'STORE_CLOSED')) return
    this.#pausedUntilMs.set(name, clock.now() + pauseMs)
    if (error instanceof Overtaken) return
    const reason = (error as Error).message
    if (isVarveError(error) && error.retryable) {
      logged(name, `The projection ended and begins anew: ${reason}`)
      return
    }
    logged(name, `The projection is faulted. ${reason}`)
    await this.registry
      .change(name, (now) => {
        const isSame = now.id === id && now.version === version && now.epoch === epoch
        return isSame ? { ...now, fault: reason } : undefined
      })
      .catch((cause: unknown) => logged(name, `The fault could not be noted down: ${(cause as Error).message}`))
  }
}

function isDue({ wanted, fault, completed }: Registered): boolean {
  return wanted === 'running' && fault === null && !completed
}

/** What is folded is still worth keeping when only the source has changed. */
function endingOf(now: Registered | undefined, { id, epoch }: Registered): Ending {
  return now?.id === id && now.epoch === epoch ? 'save' : 'drop'
}
