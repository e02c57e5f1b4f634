import type { Clock, EventStore, StreamWrite } from 'varve'
import { appendStep } from './append-step.ts'
import { bounds } from './limits.ts'
import type { Place } from './place.ts'
import type { Registered } from './registry.ts'
import { guard, stateWrite } from './writes.ts'

/** What saving states needs. */
export interface SaveStatesParts {
  readonly store: EventStore
  readonly clock: Clock
  readonly newId: () => string
  readonly registered: Registered
  /** The checkpoint before. */
  readonly place: Place
  /** The checkpoint that they belong to: everything up to this position, under this id. */
  readonly position: number
  readonly checkpointId: string
}

/** States of partitions that are not saved yet, as JSON. */
export class PendingStates {
  readonly #states = new Map<string, string>()
  #chars = 0

  get chars(): number {
    return this.#chars
  }

  get(partition: string): string | undefined {
    return this.#states.get(partition)
  }

  set(partition: string, state: string): void {
    this.#chars += state.length - (this.#states.get(partition)?.length ?? 0)
    this.#states.set(partition, state)
  }

  clear(): void {
    this.#states.clear()
    this.#chars = 0
  }

  /** Writes them, before the checkpoint that they belong to and that makes them count. */
  async save({ store, clock, newId, registered, place, position, checkpointId }: SaveStatesParts): Promise<void> {
    let writes: StreamWrite[] = []
    let bytes = 0
    const flush = async (): Promise<void> => {
      if (writes.length > 0) await appendStep(store, clock, [...writes, guard(registered, place)])
      writes = []
      bytes = 0
    }
    for (const [partition, state] of this.#states) {
      writes.push(stateWrite(registered, { partition, state, position, checkpointId, id: newId() }))
      bytes += Buffer.byteLength(state)
      if (writes.length >= bounds.appendEvents || bytes >= bounds.appendBytes) await flush()
    }
    await flush()
  }
}
