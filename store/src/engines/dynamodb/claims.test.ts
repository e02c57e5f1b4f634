import { describe, expect, it } from 'vitest'
import { type Asked, badRoad, type Fate } from '../../../../test/dynamodb/bad-road.ts'
import { onDynamoDB } from '../../../../test/dynamodb/on-dynamodb.ts'
import { quickClock } from '../../../../test/dynamodb/quick-clock.ts'
import { soundLog, streamInEach } from '../../../../test/dynamodb/sharded.ts'
import { type Random, seeded } from '../../conformance/seeded.ts'
import type { EventStore } from '../../event-store.ts'
import type { NewEvent } from '../../model/event.ts'
import { openStore } from '../../open-store.ts'
import type { DynamoDBClientLike } from './client.ts'
import { dynamodb } from './index.ts'

const seed = Number(process.env.DYNAMODB_SEED ?? Math.floor(Math.random() * 2 ** 31))
const rounds = Number(process.env.DYNAMODB_ROUNDS ?? 10)

const logShards = 4
const streams = streamInEach(logShards)
const [first = '', second = '', third = ''] = streams

const misfortunes: readonly Fate[] = ['is throttled', 'meets a transaction', 'is lost', 'loses its answer']

const isCommit = ({ verb, input }: Asked): boolean =>
  verb === 'TransactWriteItems' ||
  (verb === 'PutItem' && 'chunk' in (input.Item as object) && 'id' in (input.Item as object))

/** Ids of both kinds: of one moment, which share claims, and such as have a claim of their own. */
function withFreshIds(random: Random, events: number): readonly NewEvent[] {
  return Array.from({ length: events }, () => {
    const hex = Array.from({ length: 32 }, () => random.below(16).toString(16)).join('')
    const time = random.oneIn(2) ? '0198c6e2-5b1a-7' : `${hex.slice(0, 8)}-${hex.slice(8, 12)}-4`
    return { type: 'OrderPlaced', data: {}, id: `${time}${hex.slice(13, 16)}-8${hex.slice(17, 20)}-${hex.slice(20)}` }
  })
}

onDynamoDB((server) => {
  function open(table: string, client: DynamoDBClientLike = server().client): EventStore {
    return openStore({ engine: dynamodb({ table, logShards, client, chunkCommits: 3, clock: quickClock() }) })
  }

  describe(`one id that is appended to streams of different shards at once (DYNAMODB_SEED=${seed})`, () => {
    it.each(['good', 'bad'])('is stored once, and all others are told where, on %s roads', async (kind) => {
      const random = seeded(seed)
      const [table, known] = [server().freshTable(), new Set<string>()]
      const stores = streams.map(() => {
        const road = badRoad(server().client, known)
        if (kind === 'bad') road.fate = () => (random.oneIn(5) ? random.pick(misfortunes) : 'passes')
        return open(table, road.client)
      })
      for (let round = 0; round < rounds; round++) {
        const events = withFreshIds(random, 1 + random.below(3))
        const outcomes = await Promise.allSettled(
          stores.map((store, shard) => store.append(streams[shard] ?? '', events)),
        )
        const winner = outcomes.findIndex(({ status }) => status === 'fulfilled')
        const refusals = outcomes.flatMap((outcome) => (outcome.status === 'rejected' ? [outcome.reason] : []))
        expect(refusals).toHaveLength(logShards - 1)
        for (const refusal of refusals)
          expect(refusal).toMatchObject({ code: 'DUPLICATE_EVENT_ID', streamId: streams[winner] })
      }
      await using reader = open(table)
      await soundLog(reader)
      for (const store of stores) await store.close()
    })

    it('is stored once also when all of them are in one batch', async () => {
      await using store = open(server().freshTable())
      const events = withFreshIds(seeded(seed), 2)
      const outcomes = await Promise.allSettled([
        store.appendAll([first, third].map((streamId, at) => ({ streamId, events: [events[at] as NewEvent] }))),
        store.appendAll([second, third].map((streamId, at) => ({ streamId, events: [events[at] as NewEvent] }))),
      ])
      expect(outcomes.map(({ status }) => status)).toEqual(['fulfilled', 'rejected'])
      expect(await soundLog(store)).toHaveLength(2)
    })
  })

  describe('a commit that has claimed ids and was not put', () => {
    /** A writer that dies after its claim, and what it was about to send. */
    async function diedBeforeItsCommit(table: string, events: readonly NewEvent[]) {
      const road = badRoad(server().client)
      const unsent: never[] = []
      const client: DynamoDBClientLike = {
        send: (command, options) => {
          if (isCommit(asAsked(command))) unsent.push(command)
          return road.client.send(command, options)
        },
      }
      road.fate = (asked) => (isCommit(asked) ? 'is lost' : 'passes')
      const dying = open(table, client)
      await expect(dying.append(first, events)).rejects.toMatchObject({ code: 'ENGINE_UNAVAILABLE' })
      await dying.close()
      return unsent
    }

    it('does not keep its ids from others, and cannot come later', async () => {
      const table = server().freshTable()
      const events = withFreshIds(seeded(seed), 3)
      const [late] = await diedBeforeItsCommit(table, events)
      await using store = open(table)
      expect(await store.append(second, events)).toMatchObject({ version: 3, idempotent: false })
      await expect(server().client.send(late as never)).rejects.toThrow(/conditional/i)
      await expect(store.append(first, events)).rejects.toMatchObject({ code: 'DUPLICATE_EVENT_ID', streamId: second })
      expect(await soundLog(store)).toHaveLength(3)
    })

    it('leaves the end of its shard as it was, for readers and for whoever comes next', async () => {
      const table = server().freshTable()
      const [event, ...others] = withFreshIds(seeded(seed), 3) as [NewEvent, ...NewEvent[]]
      await using store = open(table)
      await store.append(first, others)
      const heads = await store.heads()
      await diedBeforeItsCommit(table, [event])
      await store.append(second, [event])
      await using reader = open(table)
      expect((await reader.heads())[0]).toBe(heads[0])
      expect(await reader.readAll({ direction: 'backward' }).toArray()).toHaveLength(3)
      expect(await reader.append(first, withFreshIds(seeded(seed + 1), 1))).toMatchObject({ version: 3 })
      expect(await soundLog(reader)).toHaveLength(4)
    })

    it('was claimed for nothing when its writer was only slow: the writer is told, and its other appends are done', async () => {
      const table = server().freshTable()
      const [event, other] = withFreshIds(seeded(seed), 2) as [NewEvent, NewEvent]
      const [held, released] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()]
      await using slow = open(table, {
        send: async (command, options) => {
          if (!isCommit(asAsked(command))) return server().client.send(command, options)
          held.resolve()
          await released.promise
          return server().client.send(command, options)
        },
      })
      await using store = open(table)
      const late = Promise.allSettled([slow.append(first, [event]), slow.append(first, [other])])
      await held.promise
      await store.append(second, [event])
      released.resolve()
      const [refused, done] = await late
      expect(refused).toMatchObject({ reason: { code: 'DUPLICATE_EVENT_ID', streamId: second } })
      expect(done).toMatchObject({ value: { version: 1, idempotent: false } })
      expect(await soundLog(store)).toHaveLength(2)
    })
  })

  describe('an append to streams of several shards', () => {
    it('is done once when its answer is lost, and found by another process', async () => {
      const road = badRoad(server().client)
      const table = server().freshTable()
      await using store = open(table, road.client)
      let lost = 0
      road.fate = ({ verb }) => (verb === 'TransactWriteItems' && lost++ === 0 ? 'loses its answer' : 'passes')
      const writes = streams.map((streamId, at) => ({ streamId, events: withFreshIds(seeded(seed + at), 1) }))
      expect(await store.appendAll(writes)).toMatchObject({ idempotent: false })
      expect(lost).toBe(2)
      await using other = open(table)
      expect(await other.appendAll(writes)).toMatchObject({ idempotent: true })
      expect(await soundLog(other)).toHaveLength(logShards)
    })

    it('is refused when a stream that it only checks has moved on in another shard meanwhile', async () => {
      const table = server().freshTable()
      await using other = open(table)
      let moved = false
      await using store = open(table, {
        send: async (command, options) => {
          if (isCommit(asAsked(command)) && !moved) {
            moved = true
            await other.append(second, withFreshIds(seeded(seed), 1))
          }
          return server().client.send(command, options)
        },
      })
      const refused = store.appendAll([
        { streamId: first, events: withFreshIds(seeded(seed + 1), 1) },
        { streamId: second, events: [], expectedVersion: 0 },
      ])
      await expect(refused).rejects.toMatchObject({ code: 'VERSION_CONFLICT', streamId: second, actual: 1 })
      expect(await soundLog(other)).toHaveLength(1)
    })
  })
})

function asAsked(command: never): Asked {
  const { input, constructor: maker } = command as { input: Asked['input']; constructor: { name: string } }
  return { verb: maker.name.replace('Command', ''), input }
}
