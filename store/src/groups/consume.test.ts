import { deepEqual, equal, ok, rejects } from 'node:assert/strict'
import { describe, it } from 'vitest'
import { numberOf, take, write } from '../../../test/groups/letters.ts'
import { onEveryEngine } from '../../../test/on-every-engine.ts'
import { createGroup, deleteGroup, startGroup, stopGroup, updateGroup } from './admin.ts'
import { consume } from './consume.ts'
import type { Delivery } from './delivery.ts'
import { loadGroup } from './group-shelf.ts'
import { checkpointOf, type Group } from './group-state.ts'

onEveryEngine((open) => {
  const groupOf = async (store: Awaited<ReturnType<typeof open>>): Promise<Group> =>
    (await loadGroup(store.shelf, 'mailer')).group as Group

  describe('consuming', () => {
    it('delivers every event once while each is acknowledged, and goes on after the last one', async () => {
      const store = await open()
      await createGroup(store, 'mailer')
      await write(store, 5)
      const first = await take(store, 'mailer', 3)
      const later = take(store, 'mailer', 3)
      await write(store, 1)
      deepEqual([...first, ...(await later)].map(numberOf), [1, 2, 3, 4, 5, 1])
      equal(checkpointOf(await groupOf(store)), await store.head())
    })

    it('shares the events out among consumers', async () => {
      const store = await open()
      await createGroup(store, 'mailer', { bufferEvents: 1 })
      await write(store, 6)
      const shares = await Promise.all([1, 2, 3].map(() => take(store, 'mailer', 2)))
      deepEqual(shares.flat().map(numberOf).sort(), [1, 2, 3, 4, 5, 6])
    })

    it('gives back what was buffered as soon as the loop is left, and what was not acknowledged as well', async () => {
      const store = await open()
      await createGroup(store, 'mailer')
      await write(store, 4)
      await take(store, 'mailer', 1, () => undefined)
      const taken = await take(store, 'mailer', 4)
      deepEqual(
        taken.map((delivery) => [numberOf(delivery), delivery.attempt]),
        [
          [1, 2],
          [2, 1],
          [3, 1],
          [4, 1],
        ],
      )
    })

    it('hands out what comes again at once before anything new', async () => {
      const store = await open()
      await createGroup(store, 'mailer', { bufferEvents: 1, retryDelayMs: 0 })
      await write(store, 3)
      const saved: Promise<void>[] = []
      const taken = await take(store, 'mailer', 6, async (delivery) => {
        if (delivery.attempt > 1) return delivery.ack()
        saved.push(delivery.nack('retry'))
        if (numberOf(delivery) === 1) await saved[0]
      })
      await Promise.all(saved)
      deepEqual(taken.map(numberOf), [1, 1, 2, 2, 3, 3])
    })

    it('hands out no more than fits the buffer before one is acknowledged', async () => {
      const store = await open()
      await createGroup(store, 'mailer', { bufferEvents: 2 })
      await write(store, 3)
      const deliveries = consume(store, 'mailer')[Symbol.asyncIterator]()
      const first = await deliveries.next()
      await deliveries.next()
      const third = deliveries.next()
      const isEarly = await Promise.race([third.then(() => true), store.head().then(() => false)])
      await (first.value as Delivery).ack()
      deepEqual([isEarly, numberOf((await third).value)], [false, 3])
      await deliveries.return?.()
    })

    it('delivers an event again that was to be retried, and counts the attempts', async () => {
      const store = await open()
      await createGroup(store, 'mailer', { retryDelayMs: 1 })
      await write(store, 1)
      const [, , third] = await take(store, 'mailer', 3, (delivery) =>
        delivery.attempt < 3 ? delivery.nack('retry') : delivery.ack(),
      )
      deepEqual([third?.attempt, third && numberOf(third)], [3, 1])
    })

    it('parks an event that has no attempt left, and goes on with the others', async () => {
      const store = await open()
      await createGroup(store, 'mailer', { retryDelayMs: 0, retriesMax: 1 })
      await write(store, 2)
      await take(store, 'mailer', 3, (delivery) => (numberOf(delivery) === 1 ? delivery.nack('retry') : delivery.ack()))
      deepEqual((await groupOf(store)).counts, { acked: 1, skipped: 0, parked: 1 })
    })

    it('takes a delivery for failed that is not acknowledged in time, and refuses the late ack', async () => {
      const store = await open()
      await createGroup(store, 'mailer', { messageTimeoutMs: 20, retryDelayMs: 0 })
      await write(store, 1)
      const late: Delivery[] = []
      await take(store, 'mailer', 2, (delivery) => (late.push(delivery) === 1 ? undefined : delivery.ack()))
      ok(late[0]?.signal.aborted)
      await rejects(late[0].ack(), { code: 'DELIVERY_LOST', position: 1 })
    })

    it('stops for everybody at an event that a consumer stops at, until the group is started again', async () => {
      const store = await open()
      await createGroup(store, 'mailer')
      await write(store, 2)
      const stopping = take(store, 'mailer', 2, (delivery) => delivery.nack('stop', { reason: 'no stamps' }))
      await rejects(stopping, { code: 'GROUP_STOPPED', reason: 'no stamps', position: 1 })
      await rejects(take(store, 'mailer', 1), { code: 'GROUP_STOPPED' })
      await startGroup(store, 'mailer')
      deepEqual((await take(store, 'mailer', 2)).map(numberOf), [1, 2])
    })

    it('ends with an error when an operator stops the group or deletes it', async () => {
      const store = await open()
      await createGroup(store, 'mailer', { memberTimeoutMs: 300 })
      const stopped = { code: 'GROUP_STOPPED', reason: 'maintenance', position: undefined }
      const untilStopped = rejects(take(store, 'mailer', 1), stopped)
      await stopGroup(store, 'mailer', { reason: 'maintenance' })
      await untilStopped
      await startGroup(store, 'mailer')
      const untilDeleted = rejects(take(store, 'mailer', 1), { code: 'GROUP_NOT_FOUND', group: 'mailer' })
      await deleteGroup(store, 'mailer')
      await untilDeleted
    })

    it('ends with the reason of its signal, after giving back what it had', async () => {
      const store = await open()
      await createGroup(store, 'mailer')
      await write(store, 1)
      const stop = new AbortController()
      const stopping = take(
        store,
        'mailer',
        2,
        async () => {
          stop.abort(new Error('closing time'))
        },
        { signal: stop.signal },
      )
      await rejects(stopping, /closing time/)
      deepEqual((await take(store, 'mailer', 1)).map(numberOf), [1])
    })

    it('ends quietly when the store is closed', async () => {
      const store = await open()
      await createGroup(store, 'mailer')
      const ended = take(store, 'mailer', 1)
      await store.close()
      deepEqual(await ended, [])
    })

    it('keeps the events of one stream in order, also those that are retried', async () => {
      const store = await open()
      await createGroup(store, 'mailer', { strategy: 'pinned', retryDelayMs: 1 })
      await write(store, 12, ['Letter-a', 'Letter-b', 'Letter-c'])
      const seen: string[] = []
      const handle = (delivery: Delivery): Promise<void> => {
        if (delivery.attempt === 1 && numberOf(delivery) % 2 === 0) return delivery.nack('retry')
        seen.push(`${delivery.event.streamId} ${delivery.event.version}`)
        return delivery.ack()
      }
      await Promise.all([take(store, 'mailer', 9, handle), take(store, 'mailer', 9, handle)])
      const ofStream = (id: string): readonly string[] => seen.filter((line) => line.startsWith(id))
      for (const id of ['Letter-a', 'Letter-b', 'Letter-c']) {
        deepEqual(ofStream(id), [`${id} 1`, `${id} 2`, `${id} 3`, `${id} 4`])
      }
    })

    it('follows one stream by its versions, and passes over what was truncated', async () => {
      const store = await open()
      await write(store, 6, ['Letter-a', 'Letter-b'])
      await createGroup(store, 'mailer', { stream: 'Letter-b', from: 2 })
      const [first] = await take(store, 'mailer', 1, () => undefined)
      await store.truncateBefore('Letter-b', 3)
      const [second] = await take(store, 'mailer', 1)
      deepEqual([first?.position, second?.position, second && numberOf(second)], [2, 3, 6])
      deepEqual((await groupOf(store)).counts, { acked: 1, skipped: 1, parked: 0 })
    })

    it('delivers only what its filter lets through, and moves on over the rest', async () => {
      const store = await open()
      await createGroup(store, 'mailer', { filter: { streamPrefix: 'Letter-b' } })
      await write(store, 7, ['Letter-a', 'Letter-b'])
      deepEqual((await take(store, 'mailer', 3)).map(numberOf), [2, 4, 6])
      equal(checkpointOf(await groupOf(store)), 7)
    })

    it('takes up changed settings while it runs', async () => {
      const store = await open()
      await createGroup(store, 'mailer', { retriesMax: 100, retryDelayMs: 0 })
      await write(store, 2)
      const handle = async (delivery: Delivery): Promise<void> => {
        if (numberOf(delivery) === 2) return delivery.ack()
        if (delivery.attempt === 1) await updateGroup(store, 'mailer', { retriesMax: 1 })
        await delivery.nack('retry')
      }
      await take(store, 'mailer', 3, handle)
      equal((await groupOf(store)).counts.parked, 1)
    })

    it('saves acks by count and time where it is told to', async () => {
      const store = await open()
      await createGroup(store, 'mailer', { checkpointEvents: 100, checkpointMs: 60_000, bufferEvents: 8 })
      await write(store, 4)
      const saved: number[] = []
      await take(store, 'mailer', 4, async (delivery) => {
        await delivery.ack()
        saved.push((await groupOf(store)).counts.acked)
      })
      // What is handed out from the buffer asks for no write.
      equal(saved.at(-1), 0)
      equal((await groupOf(store)).counts.acked, 4)
    })

    it('is refused where there is no group', async () => {
      const store = await open()
      await rejects(take(store, 'nobody', 1), { code: 'GROUP_NOT_FOUND', group: 'nobody' })
    })
  })
})
