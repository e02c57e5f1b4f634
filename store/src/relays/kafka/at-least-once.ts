/**
 * Events first, then the checkpoint, on the shelf of the store:
 *
 * look > send > (all acknowledged) > write the checkpoint over the version that was seen > send
 *
 * Invariants: the checkpoint passes an event only after all brokers in sync have it; it is written over what was seen, so of
 * two that publish one gives up. Whoever dies between the two leaves messages that are sent again.
 */
import { isVarveError } from '../../model/errors.ts'
import type { StoreShelf } from '../../model/shelf.ts'
import { CheckpointConflict } from '../../model/shelf-errors.ts'
import { checkpointHolds, type TargetChange, type TargetCheckpoint } from '../../model/target.ts'
import type { KafkaCluster } from './client.ts'
import { type KafkaOutbox, type Lane, Outbox } from './outbox.ts'
import { openSender, type Sender } from './sender.ts'

/** What the shelf holds. */
interface Known {
  readonly checkpoint: TargetCheckpoint | undefined
  readonly version: number
}

/** Where a lane keeps its place. */
export interface ShelfPlace {
  readonly shelf: StoreShelf
  readonly key: string
  /** The name of the checkpoint, for people. */
  readonly name: string
  readonly generation: number
}

/** A lane that publishes every event, some of them more than once after a crash. */
export class AtLeastOnce implements Lane {
  readonly #cluster: KafkaCluster
  readonly #place: ShelfPlace
  #sender: Promise<Sender> | undefined
  #known: Known | undefined

  constructor(cluster: KafkaCluster, place: ShelfPlace) {
    this.#cluster = cluster
    this.#place = place
  }

  async checkpoint(): Promise<TargetCheckpoint | undefined> {
    const { shelf, key } = this.#place
    const item = await shelf.get(key)
    this.#known = { checkpoint: item?.value as TargetCheckpoint | undefined, version: item?.version ?? 0 }
    return this.#known.checkpoint
  }

  async write({ expected, next, apply }: TargetChange<KafkaOutbox>): Promise<void> {
    const { shelf, key, name, generation } = this.#place
    if (this.#known === undefined) await this.checkpoint()
    const { checkpoint, version } = this.#known as Known
    if (!checkpointHolds(expected, checkpoint)) throw new CheckpointConflict(name)
    // Whatever goes wrong: what the shelf has is looked at before the next write.
    this.#known = undefined
    const outbox = new Outbox(generation, async (batch) => (await this.#open()).send(batch))
    try {
      await apply(outbox)
    } catch (error) {
      // What it numbered and did not get acknowledged is not sent under the same numbers again.
      if (outbox.failure !== undefined) await this.close()
      throw outbox.away ?? error
    }
    try {
      this.#known = { checkpoint: next, version: await shelf.put(key, next, { expectedVersion: version }) }
    } catch (error) {
      throw isVarveError(error, 'SHELF_CONFLICT') ? new CheckpointConflict(name) : error
    }
  }

  async close(): Promise<void> {
    const sender = this.#sender
    this.#sender = undefined
    await (await sender?.catch(() => undefined))?.close()
  }

  #open(): Promise<Sender> {
    this.#sender ??= openSender(this.#cluster)
    return this.#sender
  }
}
