import { describe, expect, it } from 'vitest'
import { memory } from '../engines/memory/index.ts'
import type { RecordedEvent } from '../model/event.ts'
import { limits } from '../model/limits.ts'
import { openStore } from '../open-store.ts'
import { defineEvents, event } from '../schema/events.ts'
import { project } from './project.ts'
import { defineProjection } from './projection.ts'
import { rebuild } from './rebuild.ts'
import { runProjections } from './run-projections.ts'
import { memoryTarget } from './targets/memory.ts'
import { sqliteTarget } from './targets/sqlite/index.ts'
import { verifyProjection } from './verify.ts'

const stockEvents = defineEvents({ Received: event<{ sku: string }>() })

describe('a projection that cannot be', () => {
  const target = memoryTarget(() => ({}))
  const on = { Received: () => undefined }
  const onBatch = (): undefined => undefined
  const right = { name: 'stock', events: stockEvents, target, on }
  it.each([
    ['without a name', { ...right, name: '' }, 'name'],
    ['with a version that is none', { ...right, version: 0 }, 'version'],
    ['without a target', { ...right, target: undefined }, 'target'],
    ['without handlers', { ...right, on: {} }, 'on'],
    ['without any `on`', { ...right, on: undefined }, 'on'],
    ['for an event that is not defined', { ...right, on: { Lost: () => undefined } }, 'on.Lost'],
    ['with a handler that is none', { ...right, on: { Received: 'yes' } }, 'on.Received'],
    ['with both kinds of handlers', { ...right, onBatch }, 'on'],
    ['with a handler of batches that is none', { ...right, on: undefined, onBatch: 'yes' }, 'onBatch'],
    ['with a handler of batches of no events', { ...right, events: {}, on: undefined, onBatch }, 'events'],
    ['without events', { ...right, events: undefined }, 'events'],
    ['with an `empty` that is none', { ...right, empty: 'yes' }, 'empty'],
    ['with a filter that is none', { ...right, filter: { tags: 'tea' } }, 'filter.tags'],
    ['without `empty` where it is needed', { ...right, target: sqliteTarget({ path: ':memory:' }) }, 'empty'],
  ])('is refused %s', (_, given, argument) => {
    expect(() => defineProjection(given as never)).toThrowError(
      expect.objectContaining({ code: 'INVALID_ARGUMENT', argument }),
    )
  })

  it.each([[undefined], [right], [{ target }]])('is refused where it is to be run: %j', async (given) => {
    const store = openStore({ engine: memory() })
    const refusal = { code: 'INVALID_ARGUMENT', argument: 'projection' }
    for (const call of [async () => project(store, given as never), () => rebuild(store, given as never)]) {
      await expect(call()).rejects.toMatchObject(refusal)
    }
    await expect(verifyProjection(store, given as never)).rejects.toMatchObject(refusal)
    const several = { ...refusal, argument: 'projections' }
    expect(() => runProjections(store, [given as never])).toThrowError(expect.objectContaining(several))
  })

  it('is refused with a name over the limit', () => {
    const name = 'n'.repeat(limits.checkpointNameChars + 1)
    expect(() => defineProjection({ ...right, name })).toThrowError(expect.objectContaining({ code: 'LIMIT_EXCEEDED' }))
  })

  it.each([
    ['gives none', () => undefined, /gave undefined for event 7 \(Received of Stock-tea\)/],
    ['gives a number', () => 7, /gave 7 for event 7/],
    [
      'throws',
      () => {
        throw new RangeError('no shelf')
      },
      /threw no shelf for event 7/,
    ],
  ])('is told by the event whose key %s', (_, key, message) => {
    const { keyOf } = defineProjection({ ...right, key: key as never })
    const received = { type: 'Received', position: 7, streamId: 'Stock-tea' } as RecordedEvent
    expect(() => keyOf(received)).toThrowError(message)
  })
})
