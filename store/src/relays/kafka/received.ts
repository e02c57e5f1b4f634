import type { Message } from '@platformatic/kafka'
import type { KafkaIncoming, Received } from './incoming.ts'

/** A message as the client gives it. */
export type RawMessage = Message<Buffer, Buffer, Buffer, Buffer>

/** A message as it is made into events. */
export function received(raw: RawMessage, topicId: string): Received {
  const { topic, partition, key, value, timestamp } = raw
  // Either may be missing, whatever the client's types say.
  const [keyBytes, bytes] = [key as Buffer | null | undefined, value as Buffer | null | undefined]
  const message: KafkaIncoming = {
    ...{ topic, partition, offset: Number(raw.offset), timestampMs: Number(timestamp) },
    key: keyBytes?.toString() ?? null,
    value: bytes ?? null,
    get text() {
      return bytes?.toString() ?? null
    },
    headers: Object.fromEntries([...raw.headers].map(([name, text]) => [String(name), String(text ?? '')])),
  }
  return { message, topicId }
}

/** A place in a partition, as the client commits it. */
export interface Offset {
  topic: string
  partition: number
  offset: bigint
  leaderEpoch: number
}

/** How far each partition is done, up to the first message that is not. */
export function committable(batch: readonly RawMessage[], outcomes: readonly PromiseSettledResult<void>[]): Offset[] {
  const done = new Map<string, Offset>()
  const stopped = new Set<string>()
  for (const [index, { topic, partition, offset, leaderEpoch }] of batch.entries()) {
    const place = `${topic}/${partition}`
    if (outcomes[index]?.status === 'rejected') stopped.add(place)
    if (!stopped.has(place)) done.set(place, { topic, partition, offset: offset + 1n, leaderEpoch })
  }
  return [...done.values()]
}
