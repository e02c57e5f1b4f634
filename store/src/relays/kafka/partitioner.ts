/**
 * The partition that clients of Kafka choose for a key unless told otherwise, so that consumers which rely on it find the
 * messages of a key where those of other producers lie: the positive part of a 32-bit MurmurHash2, which the client takes
 * modulo the number of partitions. (`org.apache.kafka.common.utils.Utils.murmur2`)
 */
export function keyHash(key: Uint8Array): number {
  return murmur2(key) & 0x7fffffff
}

const seed = 0x9747b28c
const multiplier = 0x5bd1e995
const shift = 24

/** A signed 32-bit hash. */
export function murmur2(bytes: Uint8Array): number {
  const { length } = bytes
  const byte = (index: number): number => bytes[index] as number
  const tail = length & ~3
  let hash = seed ^ length
  for (let index = 0; index < tail; index += 4) {
    let word = byte(index) | (byte(index + 1) << 8) | (byte(index + 2) << 16) | (byte(index + 3) << 24)
    word = Math.imul(word, multiplier)
    word = Math.imul(word ^ (word >>> shift), multiplier)
    hash = Math.imul(hash, multiplier) ^ word
  }
  for (let index = length - 1; index >= tail; index--) hash ^= byte(index) << (8 * (index - tail))
  if (tail < length) hash = Math.imul(hash, multiplier)
  hash = Math.imul(hash ^ (hash >>> 13), multiplier)
  return hash ^ (hash >>> 15)
}
