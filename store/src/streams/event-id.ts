import { createHash, randomFillSync } from 'node:crypto'
import type { Clock } from '../engine/clock.ts'

/** UUIDs as Varve stores them: lower-case, any version. */
const uuidPattern = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/

/** The namespace of ids derived from idempotency keys; changing it would break retries across releases. */
const keyNamespace = Buffer.from('9b1c1f0e5a3d5f4c8f0e7d2b6a91c3e4', 'hex')

const hex = Array.from({ length: 256 }, (_, byte) => byte.toString(16).padStart(2, '0'))

/** The stored form of a UUID, or undefined when the text is none. */
export function canonicalUuid(text: string): string | undefined {
  if (uuidPattern.test(text)) return text
  const lower = text.toLowerCase()
  return uuidPattern.test(lower) ? lower : undefined
}

/**
 * A source of UUIDv7 ids (RFC 9562 section 6.2, method 1): time first, then a counter that keeps ids of one source in
 * order within a millisecond. Ids that rise with time cost an ordered index a quarter of what random ones do.
 */
export function createIdSource(clock: Clock): () => string {
  const pool = new Uint8Array(4096)
  let used = pool.length
  let lastMs = 0
  let counter = 0
  return () => {
    if (used + 10 > pool.length) {
      randomFillSync(pool)
      used = 0
    }
    const byte = (): number => pool[used++] as number
    const now = clock.now()
    if (now > lastMs) {
      lastMs = now
      counter = ((byte() & 0x03) << 8) | byte()
    } else if (++counter > 0xfff) {
      // More than the counter holds in one millisecond, or a clock that went back: run ahead by one.
      lastMs++
      counter = 0
    }
    const high = Math.floor(lastMs / 0x10000)
    const text =
      `${octet(high >>> 24)}${octet(high >>> 16)}${octet(high >>> 8)}${octet(high)}-` +
      `${octet(lastMs >>> 8)}${octet(lastMs)}-7${(counter | 0x1000).toString(16).slice(1)}-` +
      `${octet((byte() & 0x3f) | 0x80)}${octet(byte())}-`
    return `${text}${octet(byte())}${octet(byte())}${octet(byte())}${octet(byte())}${octet(byte())}${octet(byte())}`
  }
}

/** The id of an event that an idempotency key stands for: UUIDv5 of key, stream and place in the request. */
export function idFromKey(key: string, streamId: string, index: number): string {
  const digest = createHash('sha1')
    .update(keyNamespace)
    .update(JSON.stringify([key, streamId, index]))
    .digest()
  digest[6] = ((digest[6] as number) & 0x0f) | 0x50
  digest[8] = ((digest[8] as number) & 0x3f) | 0x80
  const text = digest.toString('hex')
  return `${text.slice(0, 8)}-${text.slice(8, 12)}-${text.slice(12, 16)}-${text.slice(16, 20)}-${text.slice(20, 32)}`
}

function octet(byte: number): string {
  return hex[byte & 0xff] as string
}
