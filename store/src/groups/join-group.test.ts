import { deepEqual, equal, rejects } from 'node:assert/strict'
import { describe, it } from 'vitest'
import { numberOf, write } from '../../../test/groups/letters.ts'
import { onEveryEngine } from '../../../test/on-every-engine.ts'
import { createGroup, deleteGroup, stopGroup, updateGroup } from './admin.ts'
import { joinGroup } from './join-group.ts'

onEveryEngine((open) => {
  describe('joining a group', () => {
    it('tells the settings once the group counts the consumer', async () => {
      const store = await open()
      await createGroup(store, 'mailer', { retriesMax: 7, notes: { owner: 'post office' } })
      await using consumer = joinGroup(store, 'mailer')
      const { retriesMax, notes } = await consumer.joined()
      deepEqual({ retriesMax, notes }, { retriesMax: 7, notes: { owner: 'post office' } })
    })

    it('is refused where there is no group, it is stopped, or it has as many consumers as it may have', async () => {
      const store = await open()
      await using nobody = joinGroup(store, 'nobody')
      await rejects(nobody.joined(), { code: 'GROUP_NOT_FOUND' })
      await createGroup(store, 'mailer', { consumersMax: 1 })
      await using first = joinGroup(store, 'mailer')
      await first.joined()
      await using second = joinGroup(store, 'mailer')
      await rejects(second.joined(), { code: 'GROUP_FULL' })
      await stopGroup(store, 'mailer')
      await using third = joinGroup(store, 'mailer')
      await rejects(third.joined(), { code: 'GROUP_STOPPED' })
    })

    it('takes the place of one that has just left, under its name', async () => {
      const store = await open()
      await createGroup(store, 'mailer', { consumersMax: 1 })
      await using before = joinGroup(store, 'mailer')
      await before.joined()
      await before.close()
      await using after = joinGroup(store, 'mailer')
      equal((await after.joined()).consumersMax, 1)
    })

    it('ends with the settings it was for, where that is wanted', async () => {
      const store = await open()
      await createGroup(store, 'mailer', { notes: 1 })
      await using ending = joinGroup(store, 'mailer', { onChange: 'end' })
      await using following = joinGroup(store, 'mailer')
      await Promise.all([ending.joined(), following.joined()])
      const [none, some] = [ending.take(1), following.take(1)]
      await updateGroup(store, 'mailer', { notes: 2 })
      await rejects(none, { code: 'GROUP_CHANGED', group: 'mailer' })
      await write(store, 1)
      deepEqual((await some).map(numberOf), [1])
      await deleteGroup(store, 'mailer')
      await rejects(following.take(1), { code: 'GROUP_NOT_FOUND' })
    })
  })

  describe('consumers of a group', () => {
    it('have events ready beyond their buffers where they are told to, and never more in hand', async () => {
      const store = await open()
      await createGroup(store, 'mailer', { checkpointMs: 60_000 })
      await write(store, 6)
      await using consumer = joinGroup(store, 'mailer', { bufferEvents: 1, readyEvents: 5 })
      const [first] = await consumer.take(6)
      const before = await store.shelf.get('group/mailer')
      let delivery = first
      for (let number = 2; number <= 6; number++) {
        const [next] = await Promise.all([consumer.take(6), delivery?.ack()])
        deepEqual(next.map(numberOf), [number])
        delivery = next[0]
      }
      equal((await store.shelf.get('group/mailer'))?.version, before?.version)
    })

    it('are filled one after the other, where that is the strategy', async () => {
      const store = await open()
      await createGroup(store, 'mailer', { strategy: 'overflow', bufferEvents: 2 })
      await using first = joinGroup(store, 'mailer')
      await using second = joinGroup(store, 'mailer')
      await Promise.all([first.joined(), second.joined()])
      const early = first.take(1).then(async (taken) => [...taken, ...(await first.take(1))])
      const late = second.take(2)
      await write(store, 3)
      deepEqual((await early).map(numberOf), [1, 2])
      deepEqual((await late).map(numberOf), [3])
    })

    it('keep to their keys, and have several events of each in hand, where that is the strategy', async () => {
      const store = await open()
      await createGroup(store, 'mailer', { strategy: 'sticky', bufferEvents: 20 })
      await using first = joinGroup(store, 'mailer')
      await using second = joinGroup(store, 'mailer')
      await Promise.all([first.joined(), second.joined()])
      await write(store, 16, ['Letter-a', 'Letter-b', 'Letter-c', 'Letter-d'])
      const streams: string[][] = [[], []]
      const all = new AbortController()
      const read = async (index: number): Promise<void> => {
        const consumer = index === 0 ? first : second
        for (;;) {
          const [delivery] = await consumer.take(1, { signal: all.signal })
          if (delivery !== undefined) streams[index]?.push(delivery.event.streamId)
          if (streams.flat().length === 16) all.abort(new Error('All have come.'))
        }
      }
      await Promise.all([0, 1].map((index) => rejects(read(index), { message: 'All have come.' })))
      const [ofFirst, ofSecond] = streams.map((seen) => new Set(seen))
      equal([...(ofFirst ?? [])].filter((stream) => ofSecond?.has(stream)).length, 0)
      equal((ofFirst?.size ?? 0) + (ofSecond?.size ?? 0), 4)
    })
  })
})
