import { isVarveError, type RecordedEvent } from 'varve'
import { ProjectionFault } from './fault.ts'
import { Fold, type FoldParts } from './fold.ts'
import type { PackedEvent } from './isolate/exchange.ts'
import { bounds } from './limits.ts'
import { EventSource } from './source.ts'

/**
 * A projection at work on this server.
 *
 * starting > running > stopped | completed, or a fault: then what came before the event that it failed at is folded anew
 * and saved, since what the isolate has made of it lies in the middle of that event.
 */

/** How a run stands. */
export interface Figures {
  readonly phase: 'Starting' | 'Running'
  /** Of the run's resets: figures from before the last one say nothing any more. */
  readonly epoch: number
  readonly position: number
  readonly head: number
  readonly saved: number
  readonly coreMs: number
  readonly events: number
  readonly buffered: number
  readonly partitions: number
  readonly isReading: boolean
  readonly isWriting: boolean
}

/** How a run is told to end: with a checkpoint, or at once. */
export type Ending = 'save' | 'drop'

/** How a run came to its end. */
export type Ended = 'stopped' | 'completed'

interface Batch {
  readonly events: readonly RecordedEvent[]
  /** There is nothing else for it up to here. */
  readonly position: number
  readonly isLive: boolean
}

/** One run of a projection. */
export class Run {
  readonly #parts: FoldParts
  readonly #stop = new AbortController()
  #ending: Ending = 'save'
  #fold: Fold | undefined
  #phase: Figures['phase'] = 'Starting'
  #events = 0
  #buffered = 0
  #head = 0
  #isReading = false
  #isWriting = false
  #unsaved = { events: 0, sinceMs: 0 }
  /** Settles when a checkpoint that nobody waited for is written. */
  #saving: Promise<void> = Promise.resolve()

  constructor(parts: FoldParts) {
    this.#parts = parts
  }

  get figures(): Figures {
    const fold = this.#fold
    return {
      phase: this.#phase,
      epoch: this.#parts.registered.epoch,
      position: fold?.position ?? 0,
      head: this.#head,
      saved: fold?.saved ?? 0,
      coreMs: fold?.coreMs ?? 0,
      events: this.#events,
      buffered: this.#buffered,
      partitions: fold?.partitionsCached ?? 0,
      isReading: this.#isReading,
      isWriting: this.#isWriting,
    }
  }

  /** The fold while it runs: what asks for states asks it. */
  get fold(): Fold | undefined {
    return this.#fold
  }

  /** Tells it to end. */
  end(ending: Ending): void {
    this.#ending = ending
    this.#stop.abort()
  }

  /** Writes a checkpoint that is due while nothing comes. */
  tick(): void {
    const fold = this.#fold
    const isDue = this.#parts.clock.now() - this.#unsaved.sinceMs >= bounds.checkpointMs
    if (fold === undefined || !this.#isReading || this.#unsaved.events === 0 || !isDue) return
    this.#unsaved = { events: 0, sinceMs: this.#parts.clock.now() }
    // A failure is kept for the next batch, which waits for it.
    this.#saving = this.#save(fold)
    this.#saving.catch(() => undefined)
  }

  /**
   * Runs until it is told to end, or a query has come to its end.
   *
   * @throws ProjectionFault, Overtaken, and the store's own errors.
   */
  async run(): Promise<Ended> {
    const fold = await Fold.open(this.#parts)
    this.#fold = fold
    let isOpen = true
    const close = async (): Promise<void> => {
      if (isOpen) await fold[Symbol.asyncDispose]()
      isOpen = false
    }
    // Nobody waits for user code whose outcome is not wanted.
    this.#stop.signal.addEventListener('abort', () => void (this.#ending === 'drop' && close()))
    try {
      this.#phase = 'Running'
      await this.#follow(fold)
      await this.#saving
      if (!this.#stop.signal.aborted || this.#ending === 'save') await this.#save(fold)
      return this.#stop.signal.aborted ? 'stopped' : 'completed'
    } catch (error) {
      if (this.#stop.signal.aborted && this.#ending === 'drop') return 'stopped'
      await close()
      if (error instanceof ProjectionFault && error.position !== undefined) await this.#rescue(error.position)
      throw error
    } finally {
      // A query that has come to its end can still be asked for its state.
      if (this.#parts.registered.mode !== 'transient') await close()
    }
  }

  /** Gives back what a query that has come to its end still holds. */
  async close(): Promise<void> {
    await this.#fold?.[Symbol.asyncDispose]()
  }

  async #follow(fold: Fold): Promise<void> {
    const { store, registered, clock } = this.#parts
    const source = new EventSource(fold.definition)
    const signal = this.#stop.signal
    this.#unsaved = { events: 0, sinceMs: clock.now() }
    const isEndless = registered.mode === 'continuous'
    this.#head = await store.head()
    const batches = isEndless
      ? liveBatches(store.subscribe({ from: fold.position + 1, filter: source.query, marks: true, signal }))
      : readBatches(store.readAll({ from: fold.position + 1, filter: source.query, signal }), this.#head)
    try {
      for (;;) {
        this.#isReading = true
        const next = await batches.next()
        this.#isReading = false
        if (next.done === true || signal.aborted) return
        await this.#handle(fold, source, next.value)
      }
    } catch (error) {
      if (!signal.aborted || error !== signal.reason) throw error
    } finally {
      this.#isReading = false
      await batches.return(undefined)
    }
  }

  async #handle(fold: Fold, source: EventSource, { events, position, isLive }: Batch): Promise<void> {
    const { clock, store } = this.#parts
    const signal = this.#stop.signal
    await this.#saving
    let packed: PackedEvent[] = []
    for (const event of events) {
      const one = await source.pack(store, event, signal)
      if (one !== undefined) packed.push(one)
    }
    this.#head = Math.max(this.#head, position)
    if (isLive) this.#head = position
    while (packed.length > 0) {
      this.#buffered = packed.length
      const taken = await fold.take(packed)
      packed = packed.slice(taken)
      this.#events += taken
      this.#unsaved.events += taken
      if (fold.outputsWaiting > 0 || this.#unsaved.events >= bounds.checkpointEvents || fold.isFull)
        await this.#save(fold)
      if (signal.aborted) return
    }
    this.#buffered = 0
    fold.passed(position)
    const waitedMs = clock.now() - this.#unsaved.sinceMs
    const isFar = fold.position - fold.saved >= bounds.checkpointPositions
    if (isFar || (this.#unsaved.events > 0 && waitedMs >= bounds.checkpointMs)) await this.#save(fold)
  }

  async #save(fold: Fold): Promise<void> {
    const isNothing = fold.position === fold.saved
    if (!isNothing) {
      this.#isWriting = true
      try {
        await fold.save()
      } finally {
        this.#isWriting = false
      }
    }
    this.#unsaved = { events: 0, sinceMs: this.#parts.clock.now() }
  }

  /** Folds what lies between the checkpoint and a fault once more, and saves it. */
  async #rescue(position: number): Promise<void> {
    const { store, registered, logged } = this.#parts
    if (registered.mode === 'transient') return
    // What was said is said already.
    const fold = await Fold.open({ ...this.#parts, logged: () => undefined })
    try {
      const source = new EventSource(fold.definition)
      if (position - 1 <= fold.position) return
      const { signal } = this.#stop
      for await (const { events } of readBatches(
        store.readAll({ from: fold.position + 1, filter: source.query, signal }),
        position - 1,
      )) {
        let packed: PackedEvent[] = []
        for (const event of events)
          packed.push(...[await source.pack(store, event, signal)].filter((one) => one !== undefined))
        while (packed.length > 0) {
          packed = packed.slice(await fold.take(packed))
          if (fold.outputsWaiting > 0) await fold.save()
        }
      }
      fold.passed(position - 1)
      await fold.save()
    } catch (error) {
      // It fails elsewhere now, or others have gone on: what is saved stays as it is.
      if (isVarveError(error, 'STORE_CLOSED')) throw error
      logged(`What came before the fault could not be saved: ${(error as Error).message}`)
    } finally {
      await fold[Symbol.asyncDispose]()
    }
  }
}

/** Batches of a subscription: as much as there is, up to a bound, and then what comes. */
async function* liveBatches(
  items: AsyncIterable<
    | { readonly kind: 'event'; readonly event: RecordedEvent }
    | { readonly kind: 'checkpoint' | 'caught_up'; readonly position: number }
  >,
): AsyncGenerator<Batch, undefined> {
  let events: RecordedEvent[] = []
  let bytes = 0
  for await (const item of items) {
    if (item.kind === 'event') {
      events.push(item.event)
      bytes += item.event.rawData.length
      if (events.length < bounds.batchEvents && bytes < bounds.batchBytes) continue
    }
    const position = item.kind === 'event' ? item.event.position : item.position
    yield { events, position, isLive: item.kind === 'caught_up' }
    events = []
    bytes = 0
  }
  return undefined
}

/** Batches of a read, up to a position. */
async function* readBatches(stored: AsyncIterable<RecordedEvent>, upTo: number): AsyncGenerator<Batch, undefined> {
  let events: RecordedEvent[] = []
  let bytes = 0
  for await (const event of stored) {
    if (event.position > upTo) break
    events.push(event)
    bytes += event.rawData.length
    if (events.length < bounds.batchEvents && bytes < bounds.batchBytes) continue
    yield { events, position: event.position, isLive: false }
    events = []
    bytes = 0
  }
  yield { events, position: upTo, isLive: true }
  return undefined
}
