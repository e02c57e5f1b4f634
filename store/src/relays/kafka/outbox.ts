import { isVarveError } from '../../model/errors.ts'
import type { TargetChange, TargetCheckpoint } from '../../model/target.ts'
import { translatedKafka } from './errors.ts'
import { batchBytesMax, type KafkaMessage } from './message.ts'

/** What the handler of a relay writes to: messages that are acknowledged by all brokers in sync when the promise resolves. */
export interface KafkaOutbox {
  /** Which publication of the log this is: 1, then one more for each version and each rebuild. */
  readonly generation: number
  send(messages: readonly KafkaMessage[]): Promise<void>
}

/** The way of the events under one checkpoint: those of a relay, or of one of its partitions. */
export interface Lane {
  /** How far it has come, undefined when nothing was ever published here. */
  checkpoint(): Promise<TargetCheckpoint | undefined>
  /** Publishes, and remembers how far. Writes of one lane come one after the other. */
  write(change: TargetChange<KafkaOutbox>): Promise<void>
  close(): Promise<void>
}

/** Hands messages to the client. */
export type SendBatch = (messages: KafkaMessage[]) => Promise<unknown>

/**
 * Messages of one write, in batches one after the other: the client makes one batch for each partition of what it is given
 * at once, and a broker refuses batches above its bound for messages.
 */
export class Outbox implements KafkaOutbox {
  readonly generation: number
  /** Whether anything was handed to the client. */
  isUsed = false
  /** What the client failed with. */
  failure: unknown
  readonly #send: SendBatch

  constructor(generation: number, send: SendBatch) {
    this.generation = generation
    this.#send = send
  }

  /** Set when the broker was away: then it was no failure of the events that were being sent. */
  get away(): unknown {
    return isVarveError(this.failure, 'TARGET_UNAVAILABLE') ? this.failure : undefined
  }

  async send(messages: readonly KafkaMessage[]): Promise<void> {
    for (const batch of batches(messages)) {
      this.isUsed = true
      try {
        await this.#send(batch)
      } catch (error) {
        this.failure = translatedKafka(error)
        throw this.failure
      }
    }
  }
}

function* batches(messages: readonly KafkaMessage[]): Generator<KafkaMessage[]> {
  let batch: KafkaMessage[] = []
  let bytes = 0
  for (const message of messages) {
    if (batch.length > 0 && bytes + message.bytes > batchBytesMax) {
      yield batch
      batch = []
      bytes = 0
    }
    batch.push(message)
    bytes += message.bytes
  }
  if (batch.length > 0) yield batch
}
