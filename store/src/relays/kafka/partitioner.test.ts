import { equal } from 'node:assert/strict'
import { expect, it } from 'vitest'
import { keyHash, murmur2 } from './partitioner.ts'

// Those that org.apache.kafka.common.utils.UtilsTest checks Kafka's own clients by.
it.each([
  ['21', -973_932_308],
  ['foobar', -790_332_482],
  ['a-little-bit-long-string', -985_981_536],
  ['a-little-bit-longer-string', -1_486_304_829],
  ['lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8', -58_897_971],
  ['abc', 479_470_107],
])('hashes %j as the clients of Kafka do', (key, hash) => {
  equal(murmur2(Buffer.from(key)), hash)
})

it('is never negative, so that every key has a partition', () => {
  const hashes = Array.from({ length: 1_000 }, (_, n) => keyHash(Buffer.from(`Order-${n}`)))
  expect(Math.min(...hashes)).toBeGreaterThanOrEqual(0)
  expect(new Set(hashes.map((hash) => hash % 8)).size).toBe(8)
})
