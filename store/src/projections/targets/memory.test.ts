import { deepEqual, equal, rejects } from 'node:assert/strict'
import { describe, expect, it, test } from 'vitest'
import { type OpenedTarget, targetConformance } from '../../conformance/index.ts'
import { firstCheckpoint, type Target, type TargetEntry } from '../../model/target.ts'
import { memoryTarget } from './memory.ts'

const change = { projection: 'tea', expected: 'any', next: firstCheckpoint(1), empty: false } as const

async function entriesOf<ReadModel>(
  target: Target<ReadModel>,
  apply: (readModel: ReadModel) => unknown,
): Promise<readonly TargetEntry[]> {
  const generation = { projection: 'tea', generation: 1 }
  const build = await target.generations?.open(generation)
  await build?.write({ ...change, apply })
  const entries: TargetEntry[] = []
  for await (const entry of target.generations?.entries(generation) ?? []) entries.push(entry)
  return entries
}

describe('a memory target keeps every promise of a target', () => {
  const counting: OpenedTarget<Map<string, number>>['counting'] = {
    empty: () => undefined,
    add: (counts, { key, by }) => counts.set(key, (counts.get(key) ?? 0) + by),
    count: (counts, key) => counts.get(key) ?? 0,
  }
  targetConformance({
    test,
    open: () => ({ target: memoryTarget(() => new Map()), counting, traits: { severalProjections: false } }),
  })
})

describe('the read model of a memory target', () => {
  it('is changed as a copy: what a reader has got stays as it was', async () => {
    const target = memoryTarget(() => ({ stock: new Map([['tea', { cups: 1, on: new Date(0) }]]) }))
    const before = target.readModel
    await target.write({
      ...change,
      apply: ({ stock }) => {
        const tea = stock.get('tea') ?? { cups: 0, on: new Date(0) }
        tea.cups++
        tea.on.setTime(1)
      },
    })
    deepEqual([before.stock.get('tea')?.cups, before.stock.get('tea')?.on.getTime()], [1, 0])
    deepEqual([target.readModel.stock.get('tea')?.cups, target.readModel.stock.get('tea')?.on.getTime()], [2, 1])
  })

  it('keeps what is shared inside of it shared', async () => {
    const tea = { cups: 1 }
    const target = memoryTarget(() => ({ byId: new Map([[7, tea]]), byName: new Map([['tea', tea]]), own: {} }))
    await target.write({ ...change, apply: (stock) => Object.assign(stock.own, { itself: stock }) })
    await target.write({ ...change, apply: ({ byId }) => Object.assign(byId.get(7) ?? {}, { cups: 2 }) })
    equal(target.readModel.byName.get('tea')?.cups, 2)
    equal((target.readModel.own as { itself?: unknown }).itself, target.readModel)
  })

  it('is not copied where nothing is changed', async () => {
    const target = memoryTarget(() => new Map<string, number>())
    const { readModel } = target
    await target.write({ ...change, apply: () => undefined, events: [] })
    equal(target.readModel, readModel)
  })

  it('may be of a class, when it says how it is copied and listed', async () => {
    class Stock {
      readonly cups: number
      constructor(cups: number) {
        this.cups = cups
      }
    }
    const bare = memoryTarget(() => ({ stock: new Stock(1) }))
    await rejects(bare.write({ ...change, apply: () => undefined }), { argument: 'copy', message: /"Stock"/ })
    const copying = memoryTarget(() => ({ stock: new Stock(1) }), { copy: ({ stock }) => ({ stock }) })
    await rejects(
      entriesOf(copying, () => undefined),
      { argument: 'entries', message: /Stock/ },
    )
    const listing = memoryTarget(() => ({ stock: new Stock(1) }), {
      copy: ({ stock }) => ({ stock }),
      entries: ({ stock }) => [['cups', stock.cups]],
    })
    deepEqual(await entriesOf(listing, () => undefined), [{ key: '"cups"', value: '1' }])
  })

  it('is listed as text that tells all plain data apart, in whatever order it was filled', async () => {
    const target = memoryTarget((): Record<string, unknown> => ({}))
    const entries = await entriesOf(target, (values) => {
      Object.assign(values, { numbers: [0, -0, Number.NaN, 1n, '1', undefined, null], bytes: new Uint8Array([1, 255]) })
      Object.assign(values, {
        map: new Map([['b', 1]]),
        set: new Set(['b', 'a']),
        at: new Date(0),
        object: { b: 1, a: {} },
      })
    })
    deepEqual(Object.fromEntries(entries.map(({ key, value }) => [JSON.parse(key), value])), {
      numbers: '[0,-0,NaN,1n,"1",undefined,null]',
      bytes: 'Uint8Array(01ff)',
      map: 'Map{"b":1}',
      set: 'Set{"a","b"}',
      at: 'Date(0)',
      object: '{"a":{},"b":1}',
    })
    const round = memoryTarget((): unknown[] => [])
    await rejects(
      entriesOf(round, (list) => list.push(list)),
      { argument: 'entries' },
    )
  })

  it('begins anew for one projection only, and takes the checkpoints of its partitions along', async () => {
    const target = memoryTarget(() => new Map<string, number>())
    await target.write({ ...change, empty: true, apply: () => undefined })
    await target.write({ ...change, projection: 'tea#1', apply: (stock) => stock.set('tea', 1) })
    const other = target.write({ ...change, projection: 'mugs', empty: true, apply: () => undefined })
    await rejects(other, { code: 'INVALID_ARGUMENT', argument: 'target' })
    await target.write({ ...change, empty: true, apply: () => undefined })
    deepEqual([target.readModel.size, await target.checkpoint('tea#1')], [0, undefined])
    const opening = target.generations?.open({ projection: 'tea', generation: 1 })
    await opening
    await rejects(target.generations?.open({ projection: 'mugs', generation: 1 }) ?? Promise.resolve(), {
      argument: 'target',
    })
  })

  it.each([
    ['initial', [{}]],
    ['copy', [() => 0, { copy: {} }]],
    ['entries', [() => 0, { entries: [] }]],
  ])('is made by functions: %s', (argument, given) => {
    expect(() => memoryTarget(...(given as unknown as Parameters<typeof memoryTarget>))).toThrowError(
      expect.objectContaining({ code: 'INVALID_ARGUMENT', argument }),
    )
  })
})
