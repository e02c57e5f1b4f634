import { describe, expect, it } from 'vitest'
import { type Asked, badRoad, type Fate } from '../../../../test/dynamodb/bad-road.ts'
import { onDynamoDB } from '../../../../test/dynamodb/on-dynamodb.ts'
import { quickClock } from '../../../../test/dynamodb/quick-clock.ts'
import { type EngineCase, engineCases, runEngineCase } from '../../conformance/index.ts'
import { seeded } from '../../conformance/seeded.ts'
import type { Engine } from '../../engine/engine.ts'
import { openStore } from '../../open-store.ts'
import { dynamodb } from './index.ts'

const seed = Number(process.env.DYNAMODB_SEED ?? Math.floor(Math.random() * 2 ** 31))
const runs = Number(process.env.DYNAMODB_RUNS ?? 2)

const misfortunes: readonly Fate[] = [
  'is throttled',
  'meets a transaction',
  'fails',
  'is lost',
  'loses its answer',
  'is done in part',
]
const placed = { type: 'OrderPlaced', data: { total: 1 } }
const isCommit = ({ verb, input }: Asked): boolean =>
  verb === 'PutItem' && String((input.Item as { pk?: { S?: string } }).pk?.S).startsWith('L#0#')

onDynamoDB((server) => {
  /** Engines on one fresh table, each on a road of its own on which one request in four meets a misfortune. */
  function onBadRoads(random: ReturnType<typeof seeded>, logShards: number) {
    const table = server().freshTable()
    const known = new Set<string>()
    const connect = (): Engine => {
      const road = badRoad(server().client, known)
      road.fate = ({ verb }) => (random.oneIn(4) && !verb.includes('Table') ? random.pick(misfortunes) : 'passes')
      road.shows = () => random.oneIn(2)
      return dynamodb({ table, logShards, client: road.client, chunkCommits: 3, clock: quickClock() })
    }
    return { engine: connect(), reopen: connect }
  }

  function openOn(road: ReturnType<typeof badRoad>, chunkCommits = 3) {
    const options = { table: server().freshTable(), client: road.client, clock: quickClock(), chunkCommits }
    return { store: openStore({ engine: dynamodb(options) }), options }
  }

  describe(`while requests fail, are throttled, done in part, or lose their answers (DYNAMODB_SEED=${seed})`, () => {
    const held: readonly EngineCase[] = [
      ...engineCases(runs).filter(({ promise }) => promise === 'model'),
      ...engineCases(0).filter(({ name }) =>
        /tails|no reader ever sees|exactly one|two instances|of every shard|for all of them/.test(name),
      ),
    ]

    describe.each([1, 4])('on a log with %i shards', (logShards) => {
      const apply = held.filter(({ promise, shards, needs = [] }) =>
        // The shelf lies beside the log, whatever its shards.
        logShards === 1 ? shards !== 'several' : promise !== 'shelf' && !needs.includes('appendConditions'),
      )

      it.each(apply.map((one) => [`${one.promise}: ${one.name}`, one] as const))('%s', async (_, one) => {
        const random = seeded(seed)
        expect(await runEngineCase(one, () => onBadRoads(random, logShards), { seed, bulkEvents: 200 })).toBeUndefined()
      })
    })
  })

  describe('a commit whose answer is lost', () => {
    it('is done, and not a repeat or a conflict', async () => {
      const road = badRoad(server().client)
      const { store } = openOn(road)
      await store.head()
      let lost = 0
      road.fate = (asked) => (isCommit(asked) && lost++ === 0 ? 'loses its answer' : 'passes')
      const appended = await store.append('Order-1', [placed], { expectedVersion: 'no_stream' })
      expect(appended).toMatchObject({ version: 1, position: 1, idempotent: false })
      expect(lost).toBe(2)
      expect(await store.readAll().toArray()).toHaveLength(1)
      await store.close()
    })

    it('is done also where the server does not say what was in the way', async () => {
      const road = badRoad(server().client)
      const silent = {
        send: (command: never) =>
          road.client.send(command).catch((error: { Item?: unknown }) => {
            delete error.Item
            throw error
          }),
      }
      const { options } = openOn(road)
      await using store = openStore({ engine: dynamodb({ ...options, client: silent }) })
      await using other = openStore({ engine: dynamodb({ ...options, client: server().client }) })
      await store.head()
      await other.append('Order-1', [placed])
      let lost = 0
      road.fate = (asked) => (isCommit(asked) && lost++ === 1 ? 'loses its answer' : 'passes')
      expect(await store.append('Order-1', [placed])).toMatchObject({ version: 2, position: 2, idempotent: false })
      expect(await other.head()).toBe(2)
    })

    it('is done also when another process has committed behind it', async () => {
      const road = badRoad(server().client)
      const { store, options } = openOn(road)
      await using other = openStore({ engine: dynamodb({ ...options, client: server().client }) })
      await store.head()
      road.fate = (asked) => {
        if (!isCommit(asked)) return 'passes'
        road.fate = () => 'passes'
        return 'loses its answer'
      }
      const lost = store.append('Order-1', [placed], { expectedVersion: 'no_stream' })
      await expect.poll(() => other.head()).toBe(1)
      await other.append('Order-1', [placed], { expectedVersion: 1 })
      expect(await lost).toMatchObject({ version: 1, idempotent: false })
      await store.close()
    })
  })

  describe('what does not pass', () => {
    it.each(['is throttled', 'meets a transaction', 'fails', 'is lost'] as const)(
      'is ENGINE_UNAVAILABLE in the end, and nothing is written, when every request %s',
      async (fate) => {
        const road = badRoad(server().client)
        const { store } = openOn(road)
        await store.head()
        road.fate = () => fate
        await expect(store.append('Order-1', [placed])).rejects.toMatchObject({ code: 'ENGINE_UNAVAILABLE' })
        expect(road.asked.length).toBeGreaterThan(10)
        road.fate = () => 'passes'
        expect(await store.head()).toBe(0)
        await store.close()
      },
    )

    it('is ENGINE_FAILED at once, with what to do, when the table is gone', async () => {
      const road = badRoad(server().client)
      const store = openStore({
        engine: dynamodb({ table: server().freshTable(), client: road.client, migrate: 'refuse' }),
      })
      await expect(store.head()).rejects.toMatchObject({
        code: 'ENGINE_FAILED',
        message: expect.stringContaining("varve migrate --up'"),
      })
      await store.close()
    })
  })

  describe('a reader that is shown a commit and not the one before it', () => {
    it('stops at the hole, and goes on when it is filled', async () => {
      const hiding = badRoad(server().client)
      const { store, options } = openOn(hiding, 64)
      await using writer = openStore({ engine: dynamodb({ ...options, client: server().client }) })
      for (let order = 1; order <= 4; order++) await writer.append(`Order-${order}`, [placed])
      // To this road all four are on their way, since it has seen none of them acknowledged.
      hiding.shows = ({ sk }) => Number(sk?.S) !== 3
      expect(await store.head()).toBe(2)
      expect((await store.readAll().toArray()).map(({ position }) => position)).toEqual([1, 2])
      hiding.shows = () => true
      expect((await store.readAll().toArray()).map(({ position }) => position)).toEqual([1, 2, 3, 4])
      await store.close()
    })
  })
})
