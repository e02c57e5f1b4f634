import { deepEqual, equal, rejects } from 'node:assert/strict'
import { describe, expect, it } from 'vitest'
import { numberOf, take, write } from '../../../test/groups/letters.ts'
import { onEveryEngine } from '../../../test/on-every-engine.ts'
import type { EventStore } from '../event-store.ts'
import { createGroup, deleteGroup, stopGroup, updateGroup } from './admin.ts'
import { groupInfo, listGroups } from './group-info.ts'

onEveryEngine((open) => {
  describe('consumer groups', () => {
    it('begin where they are told to', async () => {
      const store = await open()
      await write(store, 3)
      await createGroup(store, 'third', { from: 3 })
      await createGroup(store, 'next', { from: 'end' })
      await write(store, 1, ['Letter-2'])
      deepEqual((await take(store, 'third', 2)).map(numberOf), [3, 1])
      deepEqual((await take(store, 'next', 1)).map(numberOf), [1])
    })

    it('are created once, and again after they were deleted', async () => {
      const store = await open()
      await createGroup(store, 'mailer')
      await rejects(createGroup(store, 'mailer'), { code: 'GROUP_EXISTS', group: 'mailer' })
      await deleteGroup(store, 'mailer')
      await rejects(groupInfo(store, 'mailer'), { code: 'GROUP_NOT_FOUND', group: 'mailer' })
      await rejects(deleteGroup(store, 'mailer'), { code: 'GROUP_NOT_FOUND' })
      await createGroup(store, 'mailer', { from: 'end' })
      equal((await groupInfo(store, 'mailer')).status, 'idle')
    })

    it('keep what an update does not name', async () => {
      const store = await open()
      await createGroup(store, 'mailer', { retriesMax: 3, filter: { types: ['LetterWritten'] } })
      await updateGroup(store, 'mailer', { messageTimeoutMs: 5_000 })
      const { retriesMax, messageTimeoutMs, filter } = (await groupInfo(store, 'mailer')).settings
      deepEqual(
        { retriesMax, messageTimeoutMs, filter },
        { retriesMax: 3, messageTimeoutMs: 5_000, filter: { types: ['LetterWritten'] } },
      )
    })

    it('begin elsewhere than they were to, as long as nothing was handled', async () => {
      const store = await open()
      await write(store, 3)
      await createGroup(store, 'mailer', { from: 'end' })
      await updateGroup(store, 'mailer', { from: 2 })
      deepEqual((await take(store, 'mailer', 1)).map(numberOf), [2])
      await updateGroup(store, 'mailer', { from: 1 })
      deepEqual((await take(store, 'mailer', 1)).map(numberOf), [3])
    })

    it('are listed by name, deleted ones not', async () => {
      const store = await open()
      for (const name of ['b', 'a/2', 'a/1', 'c']) await createGroup(store, name)
      await deleteGroup(store, 'b')
      await stopGroup(store, 'c', { reason: 'maintenance' })
      const found = await listGroups(store).toArray()
      deepEqual(
        found.map(({ group, status }) => [group, status]),
        [
          ['a/1', 'idle'],
          ['a/2', 'idle'],
          ['c', 'stopped'],
        ],
      )
      deepEqual(
        (await listGroups(store, { prefix: 'a/', after: 'a/1' }).toArray()).map(({ group }) => group),
        ['a/2'],
      )
      equal((await listGroups(store, { limit: 1 }).toArray()).length, 1)
    })

    it('say how far they are, what is in flight, and who consumes', async () => {
      const store = await open()
      await write(store, 5)
      await createGroup(store, 'mailer', { bufferEvents: 2 })
      await take(
        store,
        'mailer',
        2,
        async (delivery) => {
          if (delivery.position === 2) return delivery.ack()
          const { members, inFlight, lagEvents, oldest, status } = await groupInfo(store, 'mailer')
          equal(members[0]?.consumers[0]?.name, 'clerk')
          deepEqual([status, inFlight, lagEvents, oldest?.position], ['running', 2, 5, 1])
        },
        { name: 'clerk' },
      )
      const { checkpoint, inFlight, waiting, acked, lagEvents, isLagExact, status } = await groupInfo(store, 'mailer')
      deepEqual(
        { checkpoint, inFlight, acked, lagEvents, isLagExact, status },
        { checkpoint: 0, inFlight: 0, acked: 1, lagEvents: 4, isLagExact: true, status: 'idle' },
      )
      equal(waiting > 0, true)
    })

    it('count their lag in events of theirs, whatever else is appended', async () => {
      const store = await open()
      await write(store, 7, ['Letter-a', 'Bill-b'])
      await createGroup(store, 'letters', { filter: { categories: ['Letter'] } })
      await createGroup(store, 'bill', { stream: 'Bill-b' })
      await take(store, 'letters', 1)
      equal((await groupInfo(store, 'letters')).lagEvents, 3)
      equal((await groupInfo(store, 'bill')).lagEvents, 3)
    })

    it('count an event in their lag until it lies with the parked ones', async () => {
      const store = await open()
      await write(store, 1)
      await createGroup(store, 'mailer')
      const { promise: isSlow, resolve: goOn } = Promise.withResolvers<void>()
      const put: EventStore['shelf']['put'] = async (...given) => {
        if (given[0].startsWith('group-parked/')) await isSlow
        return store.shelf.put(...given)
      }
      const standing = async () => {
        const { inFlight, checkpoint, lagEvents, parked } = await groupInfo(store, 'mailer')
        return { inFlight, checkpoint, lagEvents, parked }
      }
      await take({ ...store, shelf: { ...store.shelf, put } }, 'mailer', 1, async (delivery) => {
        const parking = delivery.nack('park')
        await expect.poll(standing).toEqual({ inFlight: 0, checkpoint: 0, lagEvents: 1, parked: 0 })
        goOn()
        await parking
      })
      await expect.poll(standing).toEqual({ inFlight: 0, checkpoint: 1, lagEvents: 0, parked: 1 })
    })
  })
})
