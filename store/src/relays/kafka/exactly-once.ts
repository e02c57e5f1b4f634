/**
 * Events and checkpoint in one transaction of Kafka, the checkpoint as a message of a compacted topic:
 *
 * begin under the id of the lane > read the last committed checkpoint > (send, send the checkpoint, commit) > …
 *                                                                     > anything goes wrong > begin anew
 *
 * Invariants: nothing is sent before the checkpoint was read after beginning, for beginning shuts out whoever sent under
 * this id before and ends what that one had begun; so what was read is true until somebody else begins, and then every send
 * and commit of this lane is refused.
 */
import { CheckpointConflict } from '../../model/shelf-errors.ts'
import { checkpointHolds, checkpointText, type TargetChange, type TargetCheckpoint } from '../../model/target.ts'
import { lastCheckpoint } from './checkpoint-topic.ts'
import type { KafkaCluster } from './client.ts'
import { translatedKafka } from './errors.ts'
import { type KafkaOutbox, type Lane, Outbox } from './outbox.ts'
import { openTransactions, type TransactionalSender } from './sender.ts'

/** Where a lane keeps its place. */
export interface TopicPlace {
  readonly topic: string
  /** Of the checkpoint's messages, and the transactional id: no other lane of the cluster has it. */
  readonly key: string
  /** The name of the checkpoint, for people. */
  readonly name: string
  readonly generation: number
}

interface Begun {
  readonly sender: TransactionalSender
  checkpoint: TargetCheckpoint | undefined
}

/** A lane that publishes every event once, for consumers that read what is committed. */
export class ExactlyOnce implements Lane {
  readonly #cluster: KafkaCluster
  readonly #place: TopicPlace
  /** A promise: partitions that begin together ask for the checkpoint of all of them at the same time. */
  #begun: Promise<Begun> | undefined

  constructor(cluster: KafkaCluster, place: TopicPlace) {
    this.#cluster = cluster
    this.#place = place
  }

  async checkpoint(): Promise<TargetCheckpoint | undefined> {
    return (await this.#current()).checkpoint
  }

  async write({ expected, next, apply }: TargetChange<KafkaOutbox>): Promise<void> {
    const { topic, key, name, generation } = this.#place
    const begun = await this.#current()
    if (!checkpointHolds(expected, begun.checkpoint)) throw new CheckpointConflict(name)
    const outbox = new Outbox(generation, begun.sender.send)
    try {
      await apply(outbox)
    } catch (error) {
      // Where nothing was sent there is nothing to take back.
      if (outbox.isUsed) await this.#takeBack(begun)
      throw outbox.away ?? error
    }
    try {
      await outbox.send([checkpointMessage(topic, key, checkpointText(next))])
      await begun.sender.commit()
      begun.checkpoint = next
    } catch (error) {
      await this.#takeBack(begun)
      throw translatedKafka(error)
    }
  }

  async close(): Promise<void> {
    const begun = this.#begun
    this.#begun = undefined
    await (await begun?.catch(() => undefined))?.sender.close()
  }

  /** Whoever could not begin leaves it to the next one to try. */
  #current(): Promise<Begun> {
    if (this.#begun !== undefined) return this.#begun
    const beginning = this.#begin()
    this.#begun = beginning
    beginning.catch(() => {
      if (this.#begun === beginning) this.#begun = undefined
    })
    return beginning
  }

  async #begin(): Promise<Begun> {
    const { topic, key } = this.#place
    try {
      const sender = await openTransactions(this.#cluster, key)
      try {
        return { sender, checkpoint: await lastCheckpoint(this.#cluster, topic, key) }
      } catch (error) {
        await sender.close()
        throw error
      }
    } catch (error) {
      throw translatedKafka(error)
    }
  }

  /** Consumers wait at a transaction that is not ended; where it cannot be, beginning anew will end it. */
  async #takeBack({ sender }: Begun): Promise<void> {
    await sender.abort().catch(() => undefined)
    await this.close()
  }
}

function checkpointMessage(topic: string, key: string, text: string) {
  const [keyBytes, value] = [Buffer.from(key), Buffer.from(text)]
  return { topic, key: keyBytes, value, headers: new Map<Buffer, Buffer>(), bytes: keyBytes.length + value.length }
}
