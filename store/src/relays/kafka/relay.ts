import type { EventStore } from '../../event-store.ts'
import { InvalidArgument, LimitExceeded } from '../../model/errors.ts'
import type { RecordedEvent } from '../../model/event.ts'
import { fieldsOf, refuseUnknownOptions } from '../../model/known-fields.ts'
import { limits } from '../../model/limits.ts'
import { normalQuery, type QueryItem } from '../../model/query.ts'
import { checkWhole } from '../../model/whole-number.ts'
import { type FailurePolicy, stopUnlessPassing } from '../../projections/failure-policy.ts'
import type { Projection } from '../../projections/projection.ts'
import { checkCluster, checkTopic, type KafkaCluster } from './client.ts'
import { type KafkaCodec, kafkaEnvelope } from './codec.ts'
import { batchBytesMax, type KafkaMessage, messageOf } from './message.ts'
import type { KafkaOutbox } from './outbox.ts'
import { kafkaTarget } from './target.ts'

const optionFields = fieldsOf<KafkaRelayOptions>({
  name: true,
  topic: true,
  filter: true,
  codec: true,
  delivery: true,
  partitions: true,
  version: true,
  onFailure: true,
  messageBytesMax: true,
  checkpointTopic: true,
  brokers: true,
  clientId: true,
  tls: true,
  sasl: true,
})

/** Options of {@link kafkaRelay}. */
export interface KafkaRelayOptions extends KafkaCluster {
  /** Names the relay and its checkpoint: one of a name in a store and in a cluster of Kafka. */
  readonly name: string
  /**
   * The topic of an event. A name takes everything but facts about streams (`$$…`); a function says for each event, those
   * facts included, where it goes, and undefined for nowhere. The topics have to be there.
   */
  readonly topic: string | KafkaTopicOf
  /** The events that are published. Default `'everything'`. */
  readonly filter?: 'everything' | QueryItem | undefined
  /** What a message carries. Default `kafkaEnvelope`. */
  readonly codec?: KafkaCodec | undefined
  /**
   * `'at_least_once'`: the checkpoint lies on the shelf of the store, and after a crash some events are published again.
   * `'exactly_once'`: events and checkpoint are one transaction of Kafka, and consumers that read what is committed get
   * each event once. Default `'at_least_once'`.
   */
  readonly delivery?: 'at_least_once' | 'exactly_once' | undefined
  /**
   * Relays of this name that publish beside each other, in as many processes as there are, each with its share of the
   * streams. Raise `version` with it. Default 1.
   */
  readonly partitions?: number | undefined
  /** Raise it to publish the whole log again, as a generation of its own, which `topic` may give topics of its own. Default 1. */
  readonly version?: number | undefined
  /** What is done when an event cannot be published, or Kafka is away. Default `stopUnlessPassing`. */
  readonly onFailure?: FailurePolicy | undefined
  /**
   * Bytes of the largest message; larger ones are a failure of their event, before anything is sent. Default 1,000,000: what
   * Kafka takes unless its `max.message.bytes` was raised.
   */
  readonly messageBytesMax?: number | undefined
  /** Where checkpoints lie with `'exactly_once'`: a compacted topic, which is made when it is not there. Default `'varve-relays'`. */
  readonly checkpointTopic?: string | undefined
}

/** Chooses the topic of an event, undefined for none. What it throws is a failure of that event. */
export type KafkaTopicOf = (event: RecordedEvent, place: KafkaPlace) => string | undefined

/** What a {@link KafkaTopicOf} may go by, beside the event. */
export interface KafkaPlace {
  /** Which publication of the log this is: 1, then one more for each version and each rebuild. */
  readonly generation: number
}

/**
 * Defines a relay: publishes the log, or a part of it, to topics of Kafka, with the stream's id as the key, so that the events
 * of a stream are in one partition, in their order. It is a projection whose read model is what Kafka has, so `runProjections`
 * runs it, and all that is known of projections holds: many processes share the work and take over from each other, events
 * that cannot be published stop it or are parked and replayed, and lists, metrics and commands know it.
 *
 * @throws INVALID_ARGUMENT, LIMIT_EXCEEDED. DRIVER_MISSING stops the relay.
 */
export function kafkaRelay(store: Pick<EventStore, 'shelf'>, options: KafkaRelayOptions): Projection<unknown> {
  refuseUnknownOptions(options, optionFields, 'kafkaRelay')
  const { name, version = 1, partitions = 1, delivery = 'at_least_once', checkpointTopic = 'varve-relays' } = options
  const { filter = 'everything', codec = kafkaEnvelope, onFailure = stopUnlessPassing } = options
  const { messageBytesMax = batchBytesMax } = options
  check(options)
  checkTopic(checkpointTopic, 'checkpointTopic')
  normalQuery(filter)
  const topicOf = topicFunction(options.topic)
  const messages = (events: readonly RecordedEvent[], { generation }: KafkaOutbox): KafkaMessage[] =>
    events.flatMap((event) => {
      const topic = topicOf(event, { generation })
      if (topic === undefined) return []
      return messageOf(event, checkTopic(topic, 'topic'), codec, messageBytesMax)
    })
  const relay: Projection<KafkaOutbox> = {
    name,
    version,
    filter,
    partitions,
    onFailure,
    target: kafkaTarget({ cluster: options, shelf: store.shelf, delivery, checkpointTopic }),
    empty: () => undefined,
    handle: (outbox, event) => outbox.send(messages([event], outbox)),
    // All of them are made before any is sent: one that cannot be made costs no repeats.
    handleTogether: (outbox, events) => outbox.send(messages(events, outbox)),
    keyOf: ({ streamId }) => streamId,
    saved: undefined,
  }
  return relay as Projection<unknown>
}

function topicFunction(topic: KafkaRelayOptions['topic']): KafkaTopicOf {
  if (typeof topic === 'function') return topic
  checkTopic(topic, 'topic')
  return ({ streamId }) => (streamId.startsWith('$') ? undefined : topic)
}

function check(options: KafkaRelayOptions): void {
  const { name, version = 1, partitions = 1, delivery = 'at_least_once', messageBytesMax = 1 } = options
  checkCluster(options)
  // A name is part of a transactional id, of keys, and of what people type.
  if (typeof name !== 'string' || !/^[\w.-]{1,100}$/.test(name)) {
    throw new InvalidArgument('name', "is not 1 to 100 of a-z, A-Z, 0-9, '.', '_' and '-'")
  }
  for (const [argument, value] of Object.entries({ version, partitions, messageBytesMax }))
    checkWhole(argument, value, 1)
  if (partitions > limits.projectionPartitions) throw new LimitExceeded('projectionPartitions', partitions)
  if (delivery !== 'at_least_once' && delivery !== 'exactly_once') {
    throw new InvalidArgument('delivery', "is neither 'at_least_once' nor 'exactly_once'")
  }
  for (const [argument, value] of Object.entries({ codec: options.codec, onFailure: options.onFailure })) {
    if (value !== undefined && typeof value !== 'function') throw new InvalidArgument(argument, 'is not a function')
  }
}
