import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { EventIds, fingerprintOf, forEachFingerprint, packFingerprints } from './event-ids.ts'
import { firstAtOrAbove, packPositions, unpackPositions } from './postings.ts'

const ascending = fc
  .uniqueArray(fc.oneof(fc.integer({ min: 1, max: 300 }), fc.maxSafeNat()), { maxLength: 50 })
  .map((positions) => positions.sort((left, right) => left - right))

describe('a posting list', () => {
  it('comes back as it was packed, up to the largest position there can be', () => {
    fc.assert(
      fc.property(ascending, (positions) => {
        expect(unpackPositions(packPositions(positions))).toEqual(positions)
      }),
    )
  })

  it('takes one byte for each neighbour', () => {
    const positions = Array.from({ length: 8_192 }, (_, index) => index + 1)
    expect(packPositions(positions).byteLength).toBe(8_192)
  })

  it('is stored as differences of seven bits a byte, lowest first', () => {
    expect([...packPositions([5, 6, 206, 2 ** 40])]).toEqual([5, 1, 0xc8, 1, 0xb2, 0xfe, 0xff, 0xff, 0xff, 0x1f])
  })

  it('grows its buffer for lists longer than any before', () => {
    const positions = Array.from({ length: 100_000 }, (_, index) => (index + 1) * 2 ** 30)
    expect(unpackPositions(packPositions(positions))).toEqual(positions)
  })

  it('says where the first entry at or above a position is', () => {
    expect([0, 3, 4, 9, 10].map((position) => firstAtOrAbove([3, 5, 9], position))).toEqual([0, 0, 1, 2, 3])
  })
})

describe('event ids', () => {
  const id = (n: number): string => `0198c6e2-7f3a-7000-8000-${n.toString(16).padStart(12, '0')}`

  it('have fingerprints that never change, for sealed chunks hold them', () => {
    expect(['', id(0), id(1), id(2)].map(fingerprintOf)).toEqual([2872998923, 1274421337, 1970706730, 3366167678])
  })

  it('have fingerprints that come back as they were packed', () => {
    const found: number[] = []
    forEachFingerprint(packFingerprints([0, 1, 0xffffffff]), (fingerprint) => found.push(fingerprint))
    expect(found).toEqual([0, 1, 0xffffffff])
  })

  it('are all found again among many, and hardly any other is taken for one of them', () => {
    const ids = new EventIds()
    for (let n = 1; n <= 50_000; n++) ids.add(fingerprintOf(id(n)), n)
    let strangers = 0
    for (let n = 1; n <= 50_000; n++) {
      expect(ids.candidates(fingerprintOf(id(n)), 50_000)).toContain(n)
      strangers += ids.candidates(fingerprintOf(id(n + 50_000)), 50_000).length
    }
    expect(strangers).toBeLessThan(20)
  })

  it('may share a fingerprint', () => {
    const ids = new EventIds()
    for (const position of [1, 2, 3, 2]) ids.add(7, position)
    expect(ids.candidates(7, 10)).toEqual([1, 2, 3])
  })

  it('are found behind position 4,294,967,295, where the stored half of a position begins again', () => {
    const ids = new EventIds()
    const position = 2 ** 33 + 12_345
    ids.add(7, position)
    ids.add(8, 2 ** 32 - 1)
    expect(ids.candidates(7, position + 5)).toContain(position)
    expect(ids.candidates(8, position + 5)).toContain(2 ** 32 - 1)
  })

  it('find nothing above the head, where a failed transaction may have left fingerprints', () => {
    const ids = new EventIds()
    ids.add(7, 11)
    expect(ids.candidates(7, 10)).toEqual([])
  })
})
