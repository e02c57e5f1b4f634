import type { Producer } from '@platformatic/kafka'
import { TargetFailed } from '../../model/target-errors.ts'
import { clientOptions, codesOf, type KafkaCluster } from './client.ts'
import { importKafka } from './driver.ts'
import { type Guard, guard } from './guard.ts'
import type { KafkaMessage } from './message.ts'
import type { SendBatch } from './outbox.ts'
import { keyHash } from './partitioner.ts'

/** Sends messages, each batch after the one before is acknowledged. */
export interface Sender {
  readonly send: SendBatch
  /** Never rejects: whoever closes has done with it. */
  close(): Promise<void>
}

/** Sends messages in transactions. */
export interface TransactionalSender extends Sender {
  /** Makes what was sent visible to consumers that read what is committed, all of it at once. */
  commit(): Promise<void>
  /** As if nothing had been sent. */
  abort(): Promise<void>
}

type RawProducer = Producer<Buffer, Buffer, Buffer, Buffer>
type Transaction = Awaited<ReturnType<RawProducer['beginTransaction']>>

/** The client waits for all brokers in sync, one request at a time, and numbers what it sends, so that repeats are dropped. */
const exactOptions = {
  idempotent: true,
  autocreateTopics: false,
  partitioner: (_: unknown, key: Buffer | undefined): number => keyHash(key ?? Buffer.alloc(0)),
} as const

/** A sender outside of transactions: what it sends is visible at once, and at least once. */
export async function openSender(cluster: KafkaCluster): Promise<Sender> {
  const kafka = await importKafka()
  const producer = new kafka.Producer({ ...clientOptions(cluster), ...exactOptions })
  const guarded = guard(kafka, producer)
  const close = (): Promise<void> => producer.close(true).catch(() => undefined)
  const look = topicLook(producer, guarded)
  return {
    send: async (messages) => {
      await look(messages)
      await guarded.settled(producer.send({ messages }))
    },
    close,
  }
}

/**
 * A sender in transactions under an id. When the promise resolves, whoever sent under this id before can do so no more, and
 * what that one had begun is committed or gone.
 */
export async function openTransactions(cluster: KafkaCluster, transactionalId: string): Promise<TransactionalSender> {
  const kafka = await importKafka()
  const producer = new kafka.Producer({ ...clientOptions(cluster), ...exactOptions, transactionalId })
  const guarded = guard(kafka, producer)
  const close = (): Promise<void> => producer.close(true).catch(() => undefined)
  let transaction: Transaction | undefined
  const begun = async (): Promise<Transaction> => {
    // Without these the client asks to go on as producer 0, which the broker refuses to whoever is another one.
    transaction ??= await guarded.settled(producer.beginTransaction({ producerId: -1n, producerEpoch: -1 }))
    return transaction
  }
  const ended = async (how: 'commit' | 'abort'): Promise<void> => {
    const ending = await begun()
    await guarded.settled(ending[how]())
    transaction = undefined
  }
  try {
    await begun()
  } catch (error) {
    await close()
    throw error
  }
  const look = topicLook(producer, guarded)
  return {
    send: async (messages) => {
      await look(messages)
      await guarded.settled((await begun()).send({ messages }))
    },
    commit: () => ended('commit'),
    abort: () => ended('abort'),
    close,
  }
}

/** Attempts to find a topic: long enough for one that was made just now, too short to hold up whoever mistyped one. */
const lookRetries = 3

/** Refuses messages to topics that are not there, which the client would look for as long as for a broker that is away. */
function topicLook(producer: RawProducer, { settled }: Guard): (messages: readonly KafkaMessage[]) => Promise<void> {
  const known = new Set<string>()
  return async (messages) => {
    // Without a topic first: what is wrong with the connection is not taken for a topic that is not there.
    if (known.size === 0) await settled(producer.metadata({ topics: [] }))
    const topics = new Set(messages.map(({ topic }) => topic)).difference(known)
    for (const topic of topics) {
      try {
        await settled(producer.metadata({ topics: [topic], retries: lookRetries }))
      } catch (error) {
        if (!codesOf(error).has('PLT_KFK_USER')) throw error
        throw new TargetFailed('kafka', `there is no topic ${JSON.stringify(topic)}. Create it; nothing here does.`, {
          cause: error,
        })
      }
      known.add(topic)
    }
  }
}
