import { randomUUID } from 'node:crypto'
import { performance } from 'node:perf_hooks'
import { Producer } from '@platformatic/kafka'
import type { EventStore } from '../../store/src/event-store.ts'
import { runProjections } from '../../store/src/projections/run-projections.ts'
import { clientOptions } from '../../store/src/relays/kafka/client.ts'
import { kafkaEnvelope } from '../../store/src/relays/kafka/codec.ts'
import { batchBytesMax, type KafkaMessage, messageOf } from '../../store/src/relays/kafka/message.ts'
import { keyHash } from '../../store/src/relays/kafka/partitioner.ts'
import { kafkaRelay } from '../../store/src/relays/kafka/relay.ts'
import { createTopic } from '../../test/kafka/topics.ts'
import { openBenchStore } from '../engines.ts'
import { type Measured, processCosts } from '../harness/measured.ts'
import type { Trial } from '../harness/trial.ts'
import { rates } from '../load/appenders.ts'
import { fillStore, shortStreams } from '../load/fill.ts'

/** What is published, and where. */
export interface KafkaTrialSettings {
  readonly broker: string
  readonly engine: string
  readonly events: number
}

/** As many as a relay has in a batch. */
const batchEvents = 500
const partitions = 3

/** Events that are published before the clock starts. */
const warmUpEvents = 5_000

/** The messages of a store, made before the clock starts. */
async function messagesOf(store: EventStore, topic: string, limit: number): Promise<KafkaMessage[]> {
  const events = await store.readAll({ limit }).toArray()
  return events.map((event) => messageOf(event, topic, kafkaEnvelope, batchBytesMax))
}

function producerAt(broker: string, transactionalId?: string): Producer<Buffer, Buffer, Buffer, Buffer> {
  return new Producer({
    ...clientOptions({ brokers: [broker] }),
    idempotent: true,
    partitioner: (_: unknown, key: Buffer | undefined) => keyHash(key ?? Buffer.alloc(0)),
    ...(transactionalId !== undefined && { transactionalId }),
  })
}

/** Sends what lies ready, a batch after the other, each when the one before is acknowledged. */
const rawProducer: Trial<KafkaTrialSettings> = (settings, folder) =>
  onFilled(settings, folder, async (store, topic, events) => {
    const [producer, messages] = [producerAt(settings.broker), await messagesOf(store, topic, events)]
    return async () => {
      for (let at = 0; at < events; at += batchEvents) {
        await producer.send({ messages: messages.slice(at, at + batchEvents) })
      }
      await producer.close()
    }
  })

/** The same, each batch in a transaction. */
const rawTransactions: Trial<KafkaTrialSettings> = (settings, folder) =>
  onFilled(settings, folder, async (store, topic, events) => {
    const [producer, messages] = [producerAt(settings.broker, topic), await messagesOf(store, topic, events)]
    return async () => {
      for (let at = 0; at < events; at += batchEvents) {
        const transaction = await producer.beginTransaction({ producerId: -1n, producerEpoch: -1 })
        await transaction.send({ messages: messages.slice(at, at + batchEvents) })
        await transaction.commit()
      }
      await producer.close()
    }
  })

function relaying(delivery: 'at_least_once' | 'exactly_once'): Trial<KafkaTrialSettings> {
  return (settings, folder) =>
    onFilled(settings, folder, async (store, topic) => {
      const relay = kafkaRelay(store, { name: topic, brokers: [settings.broker], topic, delivery })
      return async () => {
        await using running = runProjections(store, [relay])
        await running.waitFor(topic, await store.head(), { timeoutMs: 300_000 })
        await running.stop()
        await relay.target.close()
      }
    })
}

/** Measures work on a store that is filled, to a fresh topic, after a warm-up on another. */
async function onFilled(
  { broker, engine, events }: KafkaTrialSettings,
  folder: string,
  prepare: (store: EventStore, topic: string, events: number) => Promise<() => Promise<void>>,
): Promise<Measured> {
  await using small = openBenchStore('memory', folder)
  await using store = openBenchStore(engine, folder)
  await fillStore(small, shortStreams(warmUpEvents))
  await fillStore(store, shortStreams(events))
  await (await prepare(small, await newTopic(broker), warmUpEvents))()
  const work = await prepare(store, await newTopic(broker), events)
  const costs = processCosts()
  const startedAt = performance.now()
  await work()
  const { eventsPerSecond, cpuUsPerEvent } = rates(events, (performance.now() - startedAt) / 1_000, costs())
  return { eventsPerSecond: eventsPerSecond ?? Number.NaN, cpuUsPerEvent: cpuUsPerEvent ?? Number.NaN }
}

async function newTopic(broker: string): Promise<string> {
  const topic = `bench-${randomUUID()}`
  await createTopic(broker, topic, { partitions })
  return topic
}

/** What can be run in a process of its own, by name. */
export const trials: Readonly<Record<string, Trial<KafkaTrialSettings>>> = {
  rawProducer,
  rawTransactions,
  atLeastOnce: relaying('at_least_once'),
  exactlyOnce: relaying('exactly_once'),
}
