// What lies in topics, read byte for byte as the broker has it, and judged by the marks that end transactions.

import { setTimeout as pause } from 'node:timers/promises'
import { Admin, Consumer, type RecordsBatch } from '@platformatic/kafka'

/** A message of a topic. */
export interface Found {
  readonly partition: number
  readonly offset: number
  readonly key: string
  readonly value: string | null
  readonly headers: Readonly<Record<string, string>>
  /** Whether a consumer sees it that reads what is committed. */
  readonly isCommitted: boolean
}

const control = 0x20
const transactional = 0x10
const quick = { retries: 20, retryDelay: 250, connectTimeout: 2_000, requestTimeout: 10_000 }

/** Makes a topic. */
export async function createTopic(
  address: string,
  topic: string,
  { partitions = 1, configs = {} }: { readonly partitions?: number; readonly configs?: Record<string, string> } = {},
): Promise<void> {
  const admin = new Admin({ clientId: 'test', bootstrapBrokers: [address], ...quick })
  try {
    const settings = Object.entries(configs).map(([name, value]) => ({ name, value }))
    await admin.createTopics({ topics: [topic], partitions, replicas: 1, configs: settings })
    // The controller has made it; the broker knows it a little later, and clients give up on what it does not know.
    await admin.metadata({ topics: [topic] })
  } finally {
    await admin.close()
  }
}

/** Longer than any mark takes that is on its way. */
const marksMs = 20_000

/**
 * Everything in a topic, by partition and offset. A transaction is answered before its marks are written, so they are waited
 * for; what has none after a while was left open.
 */
export async function readTopic(address: string, topic: string): Promise<readonly Found[]> {
  for (const untilMs = Date.now() + marksMs; ; await pause(20)) {
    const batches = await batchesOf(address, topic)
    if (Date.now() >= untilMs || !batches.some(isOpen)) return batches.flatMap(judged)
  }
}

/** What lies in each partition, as the broker has it. */
async function batchesOf(address: string, topic: string): Promise<readonly (readonly RecordsBatch[])[]> {
  const consumer = new Consumer({ clientId: 'test', bootstrapBrokers: [address], groupId: 'test', ...quick })
  try {
    consumer.topics.trackAll(topic)
    const found = (await consumer.metadata({ topics: [topic] })).topics.get(topic)
    if (found === undefined) throw new Error(`there is no topic ${topic}`)
    const ends = await consumer.listOffsets({ topics: [topic], timestamp: -1n, isolationLevel: 0 })
    const all: RecordsBatch[][] = []
    for (let partition = 0; partition < found.partitionsCount; partition++) {
      const batches: RecordsBatch[] = []
      const end = ends.get(topic)?.[partition] ?? 0n
      for (let fetchOffset = 0n; fetchOffset < end; ) {
        const wanted = {
          partition,
          fetchOffset,
          partitionMaxBytes: 8_000_000,
          currentLeaderEpoch: -1,
          lastFetchedEpoch: -1,
        }
        const topics = [{ topicId: found.id, partitions: [wanted] }]
        const node = found.partitions[partition]?.leader ?? -1
        const answer = await consumer.fetch({ node, topics, isolationLevel: 0, maxWaitTime: 1_000 })
        const read = answer.responses.flatMap(({ partitions }) => partitions.flatMap(({ records }) => records ?? []))
        const last = read.at(-1)
        if (last === undefined) throw new Error(`partition ${partition} of ${topic} ended at ${fetchOffset} of ${end}`)
        fetchOffset = last.firstOffset + BigInt(last.lastOffsetDelta) + 1n
        batches.push(...read)
      }
      all.push(batches)
    }
    return all
  } finally {
    await consumer.close(true)
  }
}

/** Whether a partition ends with messages of a transaction that has no mark yet. */
function isOpen(batches: readonly RecordsBatch[]): boolean {
  const open = new Set<bigint>()
  for (const { attributes, producerId } of batches) {
    if ((attributes & control) !== 0) open.delete(producerId)
    else if ((attributes & transactional) !== 0) open.add(producerId)
  }
  return open.size > 0
}

function judged(batches: readonly RecordsBatch[], partition: number): readonly Found[] {
  const ends = new Map<bigint, boolean>()
  // From the end: the next mark of a producer is what became of its messages before.
  return batches
    .toReversed()
    .flatMap((batch) => {
      if ((batch.attributes & control) !== 0) {
        ends.set(batch.producerId, batch.records[0]?.key?.readInt16BE(2) === 1)
        return []
      }
      const isCommitted = (batch.attributes & transactional) === 0 || ends.get(batch.producerId) === true
      return batch.records.toReversed().map((record) => ({
        partition,
        offset: Number(batch.firstOffset) + record.offsetDelta,
        key: record.key?.toString() ?? '',
        value: record.value?.toString() ?? null,
        headers: Object.fromEntries(record.headers.map(([name, value]) => [String(name), String(value)])),
        isCommitted,
      }))
    })
    .toReversed()
}
