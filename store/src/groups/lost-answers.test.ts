import { deepEqual, equal, rejects } from 'node:assert/strict'
import { describe, it } from 'vitest'
import { numberOf, take, write } from '../../../test/groups/letters.ts'
import { memory } from '../engines/memory/index.ts'
import type { EventStore } from '../event-store.ts'
import { EngineUnavailable } from '../model/errors.ts'
import { openStore } from '../open-store.ts'
import { createGroup } from './admin.ts'
import { groupInfo } from './group-info.ts'
import { parkedEvents, replayParked } from './replay-parked.ts'

const away = (): EngineUnavailable => new EngineUnavailable('memory', 'the test says so')

type Put = EventStore['shelf']['put']

/** A store with a group, whose writes to it go wrong in turn as they are told; those beyond go through. */
async function withFailing(
  ...failures: ((put: Put, ...given: Parameters<Put>) => Promise<number>)[]
): Promise<EventStore> {
  const store = openStore({ engine: memory() })
  await createGroup(store, 'mailer', { retryDelayMs: 0 })
  await write(store, 3)
  const { shelf } = store
  const put: Put = (...given) => {
    const failure = failures.shift()
    return failure === undefined ? shelf.put(...given) : failure(shelf.put, ...given)
  }
  return { ...store, shelf: { ...shelf, put } }
}

const goesThrough = (put: Put, ...given: Parameters<Put>): Promise<number> => put(...given)

async function losesItsAnswer(put: Put, ...given: Parameters<Put>): Promise<never> {
  await put(...given)
  throw away()
}

async function neverArrives(): Promise<never> {
  throw away()
}

describe('writes to a consumer group', () => {
  it('count once when their answers are lost, whatever they say', async () => {
    const store = await withFailing(losesItsAnswer, losesItsAnswer, losesItsAnswer, losesItsAnswer, losesItsAnswer)
    deepEqual((await take(store, 'mailer', 3)).map(numberOf), [1, 2, 3])
    const { acked, checkpoint, inFlight } = await groupInfo(store, 'mailer')
    deepEqual({ acked, checkpoint, inFlight }, { acked: 3, checkpoint: 3, inFlight: 0 })
  })

  it('are said again when they never arrive', async () => {
    const store = await withFailing(neverArrives, goesThrough, neverArrives, goesThrough, neverArrives)
    deepEqual((await take(store, 'mailer', 3)).map(numberOf), [1, 2, 3])
    equal((await groupInfo(store, 'mailer')).acked, 3)
  })

  it('are known to have gone through also when they arrive after the group was looked at', async () => {
    let late: (() => Promise<number>) | undefined
    const arrivesLater = async (put: Put, ...given: Parameters<Put>): Promise<never> => {
      const sent = structuredClone(given)
      late = () => put(...sent)
      throw away()
    }
    const isOvertaken = async (put: Put, ...given: Parameters<Put>): Promise<number> => {
      await late?.()
      return put(...given)
    }
    // The first write joins, the second takes events in: that one arrives when a third is on its way.
    const store = await withFailing(goesThrough, arrivesLater, isOvertaken)
    deepEqual((await take(store, 'mailer', 3)).map(numberOf), [1, 2, 3])
    deepEqual((await groupInfo(store, 'mailer')).members, [])
  })

  it('end the consumer with an error when the store is broken, and a word on an event as well', async () => {
    const broken = new Error('the disk is gone')
    const store = await withFailing(goesThrough, goesThrough, async () => {
      throw broken
    })
    const taking = take(store, 'mailer', 2, async (delivery) => {
      await rejects(delivery.ack({ until: 'saved' }), broken)
    })
    await rejects(taking, broken)
  })

  it('that park an event and arrive after it was replayed and handled leave nothing parked', async () => {
    const store = await withFailing()
    const { late, shelf } = parkingLate(store.shelf)
    const slow = { ...store, shelf }
    await take(slow, 'mailer', 1, (delivery) => delivery.nack('park'))
    await replayParked(store, 'mailer', { positions: [1] })
    await take(slow, 'mailer', 3)
    await rejects(late(), { code: 'SHELF_CONFLICT' })
    deepEqual(await parkedEvents(store, 'mailer').toArray(), [])
    await rejects(replayParked(store, 'mailer', { positions: [1] }), { code: 'PARKED_COUNT_DIFFERS', actual: 0 })
  })
})

/** A shelf on which the first write of a parked event is on its way until it is let go. */
function parkingLate(shelf: EventStore['shelf']): {
  readonly shelf: EventStore['shelf']
  readonly late: () => Promise<unknown>
} {
  let late: (() => Promise<number>) | undefined
  const put: Put = async (...given) => {
    if (!given[0].startsWith('group-parked/') || late !== undefined) return shelf.put(...given)
    const sent = structuredClone(given)
    late = () => shelf.put(...sent)
    throw away()
  }
  return { shelf: { ...shelf, put }, late: async () => late?.() }
}
