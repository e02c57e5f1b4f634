import type { Consumer } from '@platformatic/kafka'
import { TargetUnavailable } from '../../model/target-errors.ts'
import { clientOptions, type KafkaCluster } from './client.ts'
import { importKafka, type KafkaPackage } from './driver.ts'
import { type Guard, guard } from './guard.ts'
import { passOverAborted } from './read-committed.ts'
import type { Offset, RawMessage } from './received.ts'

type RawConsumer = Consumer<Buffer, Buffer, Buffer, Buffer>
type Stream = Awaited<ReturnType<RawConsumer['consume']>>

/** What a member of a consumer group takes part in. */
export interface GroupPlace {
  readonly cluster: KafkaCluster
  readonly group: string
  readonly topics: readonly string[]
  /** Where a group begins that has no place yet. */
  readonly from: 'earliest' | 'latest'
  /** After how long without a sign of life the others take over, in milliseconds. */
  readonly sessionMs: number
}

/** Signs of life in a session, of which some may get lost. */
const beatsPerSession = 4
const beatMsMax = 3_000

/** How long a broker may wait for messages before it says that there are none, in milliseconds. */
const waitMs = 500

/**
 * A member of a consumer group, from joining to leaving. The client goes on reading after it has failed to join again, as one
 * whose messages others get as well; here that is the end of the membership.
 */
export class Membership {
  readonly #consumer: RawConsumer
  readonly #guard: Guard
  readonly #topics: string[]
  readonly #from: GroupPlace['from']
  #stream: Stream | undefined

  constructor(kafka: KafkaPackage, consumer: RawConsumer, { topics, from }: Pick<GroupPlace, 'topics' | 'from'>) {
    passOverAborted(consumer)
    this.#consumer = consumer
    this.#guard = guard(kafka, consumer)
    this.#topics = [...topics]
    this.#from = from
  }

  /** Joins the group, and gives its messages to whoever reads them, until the end is asked for or the membership has come to its own. */
  async read(signal: AbortSignal, reading: (messages: Messages) => Promise<void>): Promise<void> {
    const stream = await this.#guard.settled(
      this.#consumer.consume({
        ...{ topics: this.#topics, mode: 'committed', fallbackMode: this.#from, autocommit: false },
        ...{ maxWaitTime: waitMs, isolationLevel: 1 },
      }),
    )
    this.#guard.coverStream(stream)
    this.#stream = stream
    // Joining a group that rebalances takes its time, in which the end may be asked for.
    if (signal.aborted) return
    const leave = (): void => void stream.close().catch(() => undefined)
    signal.addEventListener('abort', leave, { once: true })
    try {
      await this.#guard.settled(reading(stream))
    } finally {
      signal.removeEventListener('abort', leave)
    }
  }

  /** The ids of topics by their names. */
  async topicIds(): Promise<(topic: string) => string> {
    const { topics } = await this.#guard.settled(this.#consumer.metadata({ topics: this.#topics }))
    return (topic) => {
      const id = topics.get(topic)?.id
      if (id === undefined)
        throw new TargetUnavailable(
          'kafka',
          `the brokers do not tell the id of the topic ${topic}; look whether it is still there`,
        )
      return id
    }
  }

  async commit(offsets: Offset[]): Promise<void> {
    await this.#guard.settled(this.#consumer.commit({ offsets }))
  }

  /** Messages of its partitions that are not committed; undefined while it has not been told its partitions, or their places. */
  async lag(): Promise<number | undefined> {
    const { assignments } = this.#consumer
    if (assignments === null || this.#stream === undefined) return undefined
    const lags = await this.#guard.settled(this.#consumer.getLag({ topics: this.#topics }))
    const own = assignments.flatMap(({ topic, partitions }) => partitions.map((number) => lags.get(topic)?.[number]))
    // Less than nothing stands for a partition whose place is not known yet.
    if (own.some((lag) => lag === undefined || lag < 0n)) return undefined
    return own.reduce((sum, lag) => sum + Number(lag), 0)
  }

  /** Leaves the group. Never rejects. */
  async end(): Promise<void> {
    this.#stream?.destroy()
    try {
      await this.#consumer.close(true)
    } catch {
      // A broker that does not let it go will miss it. As nobody it closes its connections without asking.
      this.#consumer.memberId = null
      await this.#consumer.close(true).catch(() => undefined)
    }
  }
}

/** Messages as they come, and how many of them are there. */
export type Messages = AsyncIterable<RawMessage> & { readonly readableLength: number }

/** A member that has not joined yet. */
export async function openMembership(place: GroupPlace): Promise<Membership> {
  const kafka = await importKafka()
  const consumer = new kafka.Consumer<Buffer, Buffer, Buffer, Buffer>({
    ...clientOptions(place.cluster),
    ...{ groupId: place.group, autocommit: false, maxWaitTime: waitMs, isolationLevel: 1 },
    sessionTimeout: place.sessionMs,
    heartbeatInterval: Math.min(Math.ceil(place.sessionMs / beatsPerSession), beatMsMax),
  })
  return new Membership(kafka, consumer, place)
}
