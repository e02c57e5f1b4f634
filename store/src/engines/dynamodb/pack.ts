import { promisify } from 'node:util'
import { deflateRaw, inflateRaw } from 'node:zlib'
import { StoreCorrupt } from '../../model/errors.ts'

/*
 * Bytes in attributes: the first says whether the others are compressed. Deflate, since every Node that Varve runs on has
 * it; JSON shrinks to a fifth of its size, and write units are counted by the kilobyte.
 */

const plain = 0
const deflated = 1

/** What is smaller is one write unit in any case. */
const worthwhileBytes = 700

const deflate = promisify(deflateRaw)
const inflate = promisify(inflateRaw)

/** Bytes as they are stored. */
export async function pack(bytes: Uint8Array): Promise<Uint8Array> {
  if (bytes.byteLength >= worthwhileBytes) {
    const smaller = await deflate(bytes)
    if (smaller.byteLength < bytes.byteLength) return Buffer.concat([Buffer.of(deflated), smaller])
  }
  return Buffer.concat([Buffer.of(plain), bytes])
}

/**
 * Bytes as they were.
 *
 * @throws STORE_CORRUPT
 */
export async function unpack(stored: Uint8Array, where: string): Promise<Uint8Array> {
  const bytes = stored.subarray(1)
  if (stored[0] === plain) return bytes
  if (stored[0] !== deflated) throw new StoreCorrupt(`the bytes of ${where} are of an unknown form`)
  try {
    return await inflate(bytes)
  } catch (error) {
    throw new StoreCorrupt(`the bytes of ${where} cannot be read`, { cause: error })
  }
}

/** A growing run of numbers, seven bits to a byte. */
export function packNumbers(numbers: readonly number[]): Uint8Array {
  const bytes: number[] = []
  for (const number of numbers) {
    let rest = number
    for (; rest >= 0x80; rest = Math.floor(rest / 0x80)) bytes.push((rest % 0x80) | 0x80)
    bytes.push(rest)
  }
  return Uint8Array.from(bytes)
}

/** The numbers of {@link packNumbers}. */
export function unpackNumbers(bytes: Uint8Array): readonly number[] {
  const numbers: number[] = []
  let number = 0
  let scale = 1
  for (const byte of bytes) {
    number += (byte & 0x7f) * scale
    scale *= 0x80
    if (byte < 0x80) {
      numbers.push(number)
      number = 0
      scale = 1
    }
  }
  return numbers
}
