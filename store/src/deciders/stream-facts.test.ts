import { deepEqual, equal } from 'node:assert/strict'
import { describe, it } from 'vitest'
import { memory } from '../engines/memory/index.ts'
import type { EventStore } from '../event-store.ts'
import { openStore } from '../open-store.ts'
import { StreamFacts } from './stream-facts.ts'

/** A store with some streams, what its facts were asked for, and what was told of them. */
async function opened(): Promise<{
  readonly store: EventStore
  readonly facts: StreamFacts
  readonly asked: unknown[]
  readonly told: string[]
}> {
  const store = openStore({ engine: memory() })
  for (const streamId of ['A-1', 'A-2', 'B-1']) await store.append(streamId, [{ type: 'Noted', data: {} }])
  const asked: unknown[] = []
  const told: string[] = []
  const watched: Pick<EventStore, 'heads' | 'readAll'> = {
    heads: () => {
      asked.push('heads')
      return store.heads()
    },
    readAll: (options) => {
      asked.push(options?.after?.[0])
      return store.readAll(options)
    },
  }
  const facts = new StreamFacts(watched, (streamId) => told.push(streamId))
  return { store, facts, asked, told }
}

describe('the facts about streams', () => {
  it('are those that came after the first look, each told once', async () => {
    const { store, facts, told } = await opened()
    await store.truncateBefore('A-1', 2)
    await facts.upToDate()
    await store.deleteStream('A-2')
    await store.tombstone('B-1')
    await store.append('A-2', [{ type: 'Noted', data: {} }])
    await facts.upToDate()
    await facts.upToDate()
    deepEqual(told, ['A-2', 'B-1'])
  })

  it('are read once for all who ask at the same time', async () => {
    const { facts, asked } = await opened()
    await facts.upToDate()
    await Promise.all(Array.from({ length: 5 }, () => facts.upToDate()))
    deepEqual(asked, ['heads', 3])
  })

  it('are read again for who asks while a read is under way, which may be too old for it', async () => {
    const { store, facts, asked, told } = await opened()
    await facts.upToDate()
    const first = facts.upToDate()
    await undefined
    await undefined
    equal(asked.length, 2)
    const deleting = store.deleteStream('A-1')
    const later = [deleting.then(() => facts.upToDate()), deleting.then(() => facts.upToDate())]
    await Promise.all([first, ...later])
    deepEqual([asked, told], [['heads', 3, 3], ['A-1']])
  })

  it('are looked for from further on when the log has grown', async () => {
    const { store, facts, asked } = await opened()
    await facts.upToDate()
    const { position } = await store.append(
      'A-1',
      Array.from({ length: 9_998 }, () => ({ type: 'Noted', data: {} })),
    )
    facts.grown(position)
    await facts.upToDate()
    await store.append(
      'A-1',
      Array.from({ length: 10 }, () => ({ type: 'Noted', data: {} })),
    )
    facts.grown(await store.head())
    await facts.upToDate()
    await facts.upToDate()
    deepEqual(asked, ['heads', 3, 'heads', 3, 10_011])
  })

  it('are asked for again after a read that failed', async () => {
    const { store, facts, told } = await opened()
    await facts.upToDate()
    let isAway = true
    const failing = new StreamFacts(
      { heads: () => (isAway ? Promise.reject(new Error('away')) : store.heads()), readAll: store.readAll },
      (streamId) => told.push(streamId),
    )
    deepEqual(await failing.upToDate().catch(({ message }: Error) => message), 'away')
    isAway = false
    await failing.upToDate()
    await store.deleteStream('A-1')
    await failing.upToDate()
    deepEqual(told, ['A-1'])
  })
})
