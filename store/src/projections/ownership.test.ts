import { deepEqual, ok } from 'node:assert/strict'
import fc from 'fast-check'
import { describe, it } from 'vitest'
import { type OwnershipView, ownershipStep, type PartitionView } from './ownership.ts'

const member = (id: string, stillMs = 0, versions: Record<string, number> = { stock: 1 }) => ({ id, stillMs, versions })
const partition = (key: string, owner?: string, more: Partial<PartitionView> = {}): PartitionView => ({
  ...{ key, projection: 'stock', version: 1, owner, isWanted: true, freeMs: 0 },
  ...more,
})
const seen = (view: Partial<OwnershipView>): OwnershipView => ({
  ...{ me: 'a', leaseMs: 1_000, members: [member('a')], partitions: [] },
  ...view,
})
const sorted = (keys: readonly string[]) => [...keys].sort()

describe('who runs what', () => {
  it('is one instance for all that is free, when it is alone', () => {
    const { claim } = ownershipStep(seen({ partitions: ['1', '2', '3'].map((key) => partition(key)) }))
    deepEqual(sorted(claim), ['1', '2', '3'])
  })

  it('is shared fairly: who has too much gives back, who has room claims', () => {
    const members = [member('a'), member('b')]
    const partitions = ['1', '2', '3', '4'].map((key) => partition(key, 'a'))
    deepEqual(ownershipStep(seen({ members, partitions })).release.length, 2)
    const freed = [...partitions.slice(0, 2), partition('3'), partition('4')]
    deepEqual(sorted(ownershipStep(seen({ me: 'b', members, partitions: freed })).claim), ['3', '4'])
  })

  it('is the others, once an instance was silent for a lease', () => {
    const partitions = [partition('1', 'b')]
    deepEqual(ownershipStep(seen({ members: [member('a'), member('b', 999)], partitions })), {
      ...{ bury: [], claim: [], release: [] },
    })
    deepEqual(ownershipStep(seen({ members: [member('a'), member('b', 1_000)], partitions })), {
      ...{ bury: ['b'], claim: ['1'], release: [] },
    })
  })

  it('is only who has the version of the generation', () => {
    const members = [member('a'), member('b', 0, { stock: 2 })]
    const partitions = [partition('old'), partition('new', undefined, { version: 2 })]
    deepEqual(ownershipStep(seen({ members, partitions })).claim, ['old'])
    deepEqual(ownershipStep(seen({ me: 'b', members, partitions })).claim, ['new'])
  })

  it('is nobody for what is not wanted', () => {
    const partitions = [partition('1', 'a', { isWanted: false }), partition('2', undefined, { isWanted: false })]
    deepEqual(ownershipStep(seen({ partitions })), { bury: [], claim: [], release: ['1'] })
  })

  it('is anybody for what nobody took for a lease', () => {
    const members = [member('a'), member('b')]
    const partitions = [partition('1', 'a'), partition('2', undefined, { freeMs: 1_000 })]
    deepEqual(ownershipStep(seen({ members, partitions })).claim, ['2'])
  })

  it('comes to rest with a fair share each, whoever joins and dies', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 20 }),
        fc.array(fc.constantFrom('a', 'b', 'c', 'd', 'dead'), { minLength: 20, maxLength: 20 }),
        fc.subarray(['b', 'c', 'd']),
        (count, owners, others) => {
          const ids = ['a', ...others]
          let partitions = Array.from({ length: count }, (_, key) => partition(`${key}`, owners[key]))
          for (let round = 0; round < 6; round++) {
            for (const me of ids) {
              const members = ids.map((id) => member(id))
              const { claim, release } = ownershipStep({ me, leaseMs: 1_000, members, partitions })
              partitions = partitions.map((one) =>
                claim.includes(one.key)
                  ? { ...one, owner: me }
                  : release.includes(one.key)
                    ? { ...one, owner: undefined }
                    : one,
              )
            }
          }
          const share = Math.ceil(count / ids.length)
          for (const id of ids) ok(partitions.filter(({ owner }) => owner === id).length <= share)
          ok(partitions.every(({ owner }) => owner !== undefined && ids.includes(owner)))
        },
      ),
    )
  })
})
