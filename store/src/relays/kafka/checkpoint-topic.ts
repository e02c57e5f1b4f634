/**
 * Checkpoints as messages of a compacted topic, whose last committed one of a key holds.
 *
 * What is committed is told by the mark that ends each transaction, and not left to the broker, which would stop at the first
 * transaction that is open: that of another relay, which may have died in it.
 */
import type { Consumer, RecordsBatch } from '@platformatic/kafka'
import { checkpointFrom, type TargetCheckpoint } from '../../model/target.ts'
import { TargetFailed, TargetUnavailable } from '../../model/target-errors.ts'
import { clientOptions, codesOf, type KafkaCluster } from './client.ts'
import { importKafka, type KafkaPackage } from './driver.ts'
import { guard } from './guard.ts'
import { keyHash } from './partitioner.ts'

/** Messages that are looked at first, from the end; then eight times as many, and so on. */
const firstMessages = 512
const growth = 8

/** Bytes of one answer. */
const pageBytes = 4_194_304

/** So that little is read at a start, however long nobody has cleaned up. */
const settings: Readonly<Record<string, string>> = {
  'cleanup.policy': 'compact',
  'segment.bytes': '16777216',
  'min.cleanable.dirty.ratio': '0.1',
}

/**
 * The last committed checkpoint under a key, undefined for none. Makes the topic when it is not there. The transactions of
 * whoever writes under this key have to be ended.
 */
export async function lastCheckpoint(
  cluster: KafkaCluster,
  topic: string,
  key: string,
): Promise<TargetCheckpoint | undefined> {
  const kafka = await importKafka()
  await made(kafka, cluster, topic)
  // It joins no group: a name is asked for all the same.
  const consumer = new kafka.Consumer({ ...clientOptions(cluster), groupId: 'varve-relay', autocommit: false })
  try {
    return await guard(kafka, consumer).settled(lastIn(consumer, topic, Buffer.from(key)))
  } finally {
    await consumer.close(true).catch(() => undefined)
  }
}

async function made(kafka: KafkaPackage, cluster: KafkaCluster, topic: string): Promise<void> {
  const admin = new kafka.Admin(clientOptions(cluster))
  const configs = Object.entries(settings).map(([name, value]) => ({ name, value }))
  try {
    // As many copies as the broker makes of any topic.
    await guard(kafka, admin).settled(admin.createTopics({ topics: [topic], partitions: 1, replicas: -1, configs }))
  } catch (error) {
    const codes = codesOf(error)
    const isThere = codes.has('TOPIC_ALREADY_EXISTS')
    // Whoever may not make topics has had it made by somebody; if not, reading it will tell.
    const mayNot = codes.has('TOPIC_AUTHORIZATION_FAILED') || codes.has('CLUSTER_AUTHORIZATION_FAILED')
    if (!isThere && !mayNot) throw error
  } finally {
    await admin.close().catch(() => undefined)
  }
}

type RawConsumer = Consumer<Buffer, Buffer, Buffer, Buffer>

async function lastIn(consumer: RawConsumer, topic: string, key: Buffer): Promise<TargetCheckpoint | undefined> {
  consumer.topics.trackAll(topic)
  const found = (await consumer.metadata({ topics: [topic] })).topics.get(topic)
  if (found === undefined) throw new TargetFailed('kafka', `there is no topic ${JSON.stringify(topic)}`)
  const partition = keyHash(key) % found.partitionsCount
  const place: Place = { topic, topicId: found.id, partition, node: found.partitions[partition]?.leader ?? -1 }
  const [first, end] = [await offsetAt(consumer, place, -2n), await offsetAt(consumer, place, -1n)]
  for (let messages = firstMessages; ; messages *= growth) {
    const from = Math.max(end - messages, first)
    const last = await lastBetween(consumer, place, key, from, end)
    if (last !== undefined) return last === '' ? undefined : checkpointFrom(last)
    if (from === first) return undefined
  }
}

interface Place {
  readonly topic: string
  readonly topicId: string
  readonly partition: number
  readonly node: number
}

/** -2 means the first message, -1 what comes after the last. */
async function offsetAt(consumer: RawConsumer, { topic, partition }: Place, timestamp: bigint): Promise<number> {
  const partitions = { [topic]: [partition] }
  // With those of open transactions: what is committed lies before the end of all.
  const offsets = await consumer.listOffsets({ topics: [topic], partitions, timestamp, isolationLevel: 0 })
  const offset = offsets.get(topic)?.[partition]
  if (offset === undefined) throw new TargetUnavailable('kafka', `nobody tells how long the topic ${topic} is`)
  return Number(offset)
}

/** The text of the last committed message of a key, empty when that took it back; undefined for none. */
async function lastBetween(
  consumer: RawConsumer,
  place: Place,
  key: Buffer,
  from: number,
  end: number,
): Promise<string | undefined> {
  let last: string | undefined
  let open: { readonly producerId: bigint; readonly text: string } | undefined
  for (let offset = from; offset < end; ) {
    const batches = await fetched(consumer, place, offset)
    if (batches.length === 0)
      throw new TargetUnavailable('kafka', `the topic ${place.topic} could not be read to its end`)
    for (const batch of batches) {
      offset = Number(batch.firstOffset) + batch.lastOffsetDelta + 1
      const mark = markOf(batch)
      if (mark !== undefined) {
        if (open?.producerId === batch.producerId && mark === 'commit') last = open.text
        if (open?.producerId === batch.producerId) open = undefined
        continue
      }
      const own = batch.records.findLast((record) => record.key?.equals(key) === true)
      if (own !== undefined) open = { producerId: batch.producerId, text: own.value?.toString() ?? '' }
    }
  }
  // Compaction removes the marks of old transactions, and what was aborted before them.
  return open?.text ?? last
}

async function fetched(consumer: RawConsumer, place: Place, offset: number): Promise<readonly RecordsBatch[]> {
  const { topicId, partition, node } = place
  const wanted = {
    ...{ partition, fetchOffset: BigInt(offset), partitionMaxBytes: pageBytes },
    ...{ currentLeaderEpoch: -1, lastFetchedEpoch: -1 },
  }
  const topics = [{ topicId, partitions: [wanted] }]
  const answer = await consumer.fetch({ node, topics, isolationLevel: 0, minBytes: 1, maxWaitTime: 1_000 })
  return answer.responses.flatMap(({ partitions }) => partitions.flatMap(({ records }) => records ?? []))
}

const isControl = 0x20

/** What the end of a transaction says; undefined for what is none. */
function markOf({ attributes, records }: RecordsBatch): 'commit' | 'abort' | undefined {
  if ((attributes & isControl) === 0) return undefined
  return records[0]?.key?.readInt16BE(2) === 1 ? 'commit' : 'abort'
}
