import type { Message } from '@platformatic/kafka'
import type { KafkaIncoming, Received } from './incoming.ts'

/** A message as the client gives it. */
export function received(raw: Message<Buffer, Buffer, Buffer, Buffer>, topicId: string): Received {
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
