import { deepEqual, equal, rejects } from 'node:assert/strict'
import { describe, it } from 'vitest'
import { memory } from '../engines/memory/index.ts'
import type { EventStore } from '../event-store.ts'
import { limits } from '../model/limits.ts'
import { openStore } from '../open-store.ts'

const streamId = 'Order-7'

/** A store, and one over the same engine that comes first: after each read of the stream's metadata, so many times. */
async function raced(times: number, act: (other: EventStore, turn: number) => Promise<unknown>): Promise<EventStore> {
  const engine = memory()
  const other = openStore({ engine })
  await other.append(streamId, Array(4).fill({ type: 'LineAdded', data: {} }))
  let turn = 0
  return openStore({
    engine: {
      ...engine,
      read: async (query, signal) => {
        const page = await engine.read(query, signal)
        const isMetadata = 'streamId' in query.source && query.source.streamId === `$$${streamId}`
        if (isMetadata && turn < times) await act(other, ++turn)
        return page
      },
    },
  })
}

describe('a stream that is truncated', () => {
  it('keeps the metadata that somebody else has set meanwhile', async () => {
    const store = await raced(1, (other) => other.setStreamMetadata(streamId, { owner: 'shop' }))
    await store.truncateBefore(streamId, 3)
    const { values, version } = await store.getStreamMetadata(streamId)
    deepEqual([values, version], [{ owner: 'shop', truncateBefore: 3 }, 2])
  })

  it('is decided on anew: what somebody else has hidden meanwhile is not shown again', async () => {
    const store = await raced(1, (other) => other.truncateBefore(streamId, 4))
    await rejects(store.truncateBefore(streamId, 2), { code: 'INVALID_ARGUMENT', argument: 'version' })
    equal((await store.streamInfo(streamId)).truncateBefore, 4)
  })

  it('says so when others come first again and again', async () => {
    const store = await raced(limits.conflictAttempts, (other, turn) => other.setStreamMetadata(streamId, { turn }))
    await rejects(store.truncateBefore(streamId, 2), { code: 'VERSION_CONFLICT', streamId: `$$${streamId}` })
    equal((await store.streamInfo(streamId)).truncateBefore, 1)
  })
})
