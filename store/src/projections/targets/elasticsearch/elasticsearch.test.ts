import { deepEqual, equal, rejects, throws } from 'node:assert/strict'
import { Client as ElasticClient } from '@elastic/elasticsearch'
import { Client as OpenSearchClient } from '@opensearch-project/opensearch'
import { describe, expect, it, test } from 'vitest'
import { onSearch } from '../../../../../test/search/on-search.ts'
import { createRoad } from '../../../../../test/search/road.ts'
import type { SearchServer } from '../../../../../test/search/search-server.ts'
import { type OpenedTarget, targetConformance } from '../../../conformance/index.ts'
import { memory } from '../../../engines/memory/index.ts'
import { firstCheckpoint, type Target, type TargetCheckpoint } from '../../../model/target.ts'
import { openStore } from '../../../open-store.ts'
import { defineEvents, event } from '../../../schema/events.ts'
import { rebuildProjection, replayInProjection } from '../../admin.ts'
import { project } from '../../project.ts'
import { defineProjection } from '../../projection.ts'
import { runProjections } from '../../run-projections.ts'
import { verifyProjection } from '../../verify.ts'
import { type ElasticsearchReadModel, type ElasticsearchTargetOptions, elasticsearchTarget } from './index.ts'

interface Count {
  readonly count: number
}

const counting: OpenedTarget<ElasticsearchReadModel<Count>>['counting'] = {
  empty: () => undefined,
  // No id may be empty.
  add: (documents, { key, by, position }) =>
    documents.update({ position }, `key ${key}`, (found) => ({ count: (found?.count ?? 0) + by })),
  count: async (documents, key) => (await documents.get(`key ${key}`))?.count ?? 0,
}

let targets = 0
const settings = { number_of_replicas: 0 }

onSearch(({ product, server }) => {
  describe(`a target in ${product} keeps every promise of a target that has no transactions`, () => {
    targetConformance({ test, open: () => opened(server()) })
  })

  describe('a projection', () => {
    it('goes on where it was after a kill of the server, and counts nothing twice', { timeout: 240_000 }, async () => {
      await using store = openStore({ engine: memory() })
      await using target = elasticsearchTarget<Count>({
        url: server().url,
        indexPrefix: `stock-${++targets}`,
        settings,
      })
      const add = () =>
        store.append(
          'Stock-1',
          Array.from({ length: 700 }, () => ({ type: 'Received', data: {} })),
        )
      const first = project(store, stockIn(target))
      await first.waitFor((await add()).position)
      await Promise.all([first.stop(), server().crash()])
      deepEqual((await target.checkpoint('stock'))?.position, 700)
      await using second = project(store, stockIn(target))
      await second.waitFor((await add()).position)
      deepEqual(await target.readModel.get('tea'), { count: 1_400 })
    })

    it('is run in partitions, counts what was parked once it is replayed, is rebuilt and found to be right', {
      timeout: 120_000,
    }, async () => {
      await using store = openStore({ engine: memory() })
      await using target = open()
      let isMended = false
      const stock = defineProjection({
        name: 'stock',
        events: stockEvents,
        target,
        partitions: 2,
        onFailure: () => 'park_event',
        on: {
          Received: (documents, at) =>
            documents.update(at, at.streamId, (found) => {
              if (!isMended && at.version === 2) throw new RangeError('no such shelf')
              return { count: (found?.count ?? 0) + at.version }
            }),
        },
      })
      await using running = runProjections(store, [stock], { leaseMs: 2_000, log: () => undefined })
      const counts = () =>
        Promise.all([1, 2, 3].map(async (stream) => (await target.readModel.get(`Stock-${stream}`))?.count))
      for (const stream of [1, 2, 3])
        await store.append(
          `Stock-${stream}`,
          [1, 2, 3].map(() => ({ type: 'Received', data: {} })),
        )
      await running.waitFor('stock', 9)
      deepEqual(await counts(), [4, 4, 4])
      isMended = true
      await replayInProjection(store, 'stock', { positions: 'all', expectedCount: 3 })
      await expect.poll(counts, { timeout: 30_000 }).toEqual([6, 6, 6])
      await rebuildProjection(store, 'stock')
      await expect.poll(() => target.generations.published('stock'), { timeout: 60_000 }).toBe(2)
      deepEqual(await counts(), [6, 6, 6])
      equal((await verifyProjection(store, stock)).differences, 0)
    })

    it('is built again where all that it has was removed', { timeout: 60_000 }, async () => {
      await using store = openStore({ engine: memory() })
      await using target = open()
      await using running = runProjections(store, [stockIn(target)], { leaseMs: 2_000, log: () => undefined })
      const received = { type: 'Received', data: {} }
      const add = async () => running.waitFor('stock', (await store.append('Stock-1', [received])).position)
      await add()
      await server().clear()
      await add()
      await expect.poll(() => target.readModel.get('tea'), { timeout: 30_000 }).toEqual({ count: 2 })
    })

    it.each([
      ['does not take', 2, (_: Count | undefined): Count => ({ count: 'many' as unknown as number })],
      [
        'cannot be made',
        2,
        (): never => {
          throw new RangeError('no such shelf')
        },
      ],
      ['is none', 2, () => 7 as unknown as Count],
    ])('stops at the event whose document the server %s', async (_, failsAt, made) => {
      await using store = openStore({ engine: memory() })
      await store.append(
        'Stock-1',
        [1, 2, 3].map(() => ({ type: 'Received', data: {} })),
      )
      await using target = open({ mappings: { properties: { count: { type: 'integer' } } } })
      const projection = defineProjection({
        name: 'stock',
        events: stockEvents,
        target,
        on: {
          Received: (documents, at) =>
            documents.update(at, `tea-${at.position}`, (found) =>
              at.position === failsAt ? made(found) : { count: 1 },
            ),
        },
      })
      const failure = { code: 'PROJECTION_FAILED', position: failsAt, streamId: 'Stock-1', eventType: 'Received' }
      await rejects(project(store, projection).done, failure)
      equal((await target.checkpoint('stock'))?.position, 0)
    })
  })

  describe('readers', () => {
    it('get a document at once, and find it by a search after a refresh', async () => {
      for (const [refresh, found] of [
        ['later', 0],
        ['now', 2],
        ['wait', 2],
      ] as const) {
        await using target = open({
          refresh,
          settings: { ...settings, refresh_interval: refresh === 'later' ? -1 : '1s' },
        })
        await write(target, (documents) => {
          documents.put({ position: 1 }, 'täa/ 1?#%', { count: 1 })
          documents.put({ position: 1 }, '2', { count: 2 })
        })
        deepEqual(await target.readModel.get('täa/ 1?#%'), { count: 1 })
        const { hits } = await target.readModel.search({ query: { range: { count: { gte: 1 } } }, sort: ['count'] })
        deepEqual([hits.total?.value, hits.hits.length], [found, found])
      }
    })

    it('find nothing where nothing was written, and change nothing', async () => {
      await using target = open()
      equal(await target.readModel.get('tea'), undefined)
      deepEqual((await target.readModel.search({})).hits.hits, [])
      throws(() => target.readModel.put({ position: 1 }, 'tea', { count: 1 }), { argument: 'readModel' })
    })

    it('of another program see what is published by the alias', async () => {
      const indexPrefix = `alias-${++targets}`
      await using target = elasticsearchTarget<Count>({ url: server().url, indexPrefix, settings })
      for (const generation of [1, 2]) {
        const build = await target.generations.open({ projection: 'stock', generation })
        await write(build, (documents) => documents.put({ position: 1 }, 'tea', { count: generation }))
        await target.generations.publish({ projection: 'stock', generation })
        const answer = await fetch(`${server().url}/${indexPrefix}/_doc/tea`)
        deepEqual(((await answer.json()) as { _source: unknown })._source, { count: generation })
      }
    })
  })

  describe('documents', () => {
    it('of more than one request can take are sent in several, and listed page by page', async () => {
      const road = createRoad()
      await using target = open({ fetch: road.fetch })
      const build = await target.generations.open({ projection: 'stock', generation: 1 })
      const text = 'x'.repeat(1_000_000)
      await write(build, (documents) => {
        for (let at = 0; at < 8; at++) documents.put({ position: 1 }, `large-${at}`, { count: at, text } as Count)
        for (let at = 0; at < 1_100; at++) documents.put({ position: 1 }, `small-${at}`, { count: at })
      })
      equal(road.asked.filter(({ path }) => path.endsWith('_bulk')).length, 2)
      const sizes: number[] = []
      for await (const { value } of target.generations.entries({ projection: 'stock', generation: 1 })) {
        sizes.push(value.length)
      }
      deepEqual([sizes.length, sizes.filter((size) => size > text.length).length], [1_108, 8])
    })

    it('may have any id that is text of 512 bytes', async () => {
      await using target = open()
      const ids = ['.', '..', '_', '__proto__', 'a\0b', 'a/b?c#d%', '🫖', ' ', '"', '\n', 'x'.repeat(512)]
      await write(target, (documents) => {
        for (const [at, id] of ids.entries()) documents.put({ position: 1 }, id, { count: at })
      })
      deepEqual(await Promise.all(ids.map(async (id) => (await target.readModel.get(id))?.count)), [...ids.keys()])
    })

    it('are updated through one request for all of them', async () => {
      const road = createRoad()
      await using target = open({ fetch: road.fetch })
      await write(target, (documents) => {
        for (let at = 0; at < 400; at++)
          documents.update({ position: 1 }, `order-${at % 100}`, (found) => ({ count: (found?.count ?? 0) + 1 }))
      })
      equal(road.asked.filter(({ path }) => path.endsWith('_mget') && !path.includes('checkpoints')).length, 1)
      deepEqual(await target.readModel.get('order-7'), { count: 4 })
    })
  })

  it.runIf(product === 'opensearch')('says what to do where the client is of the other product', async () => {
    const client = new ElasticClient({ node: server().url })
    const target = elasticsearchTarget<Count>({ client, indexPrefix: `client-${++targets}` })
    await rejects(target.checkpoint('stock'), { code: 'TARGET_FAILED', message: /give one of OpenSearch/ })
    await client.close()
  })

  it('is spoken to by the official client as well', async () => {
    const Client = { elasticsearch: ElasticClient, opensearch: OpenSearchClient }[product]
    const client = new Client({ node: server().url })
    await using target = elasticsearchTarget<Count>({ client, indexPrefix: `client-${++targets}`, settings })
    const generation = { projection: 'stock', generation: 1 }
    const build = await target.generations.open(generation)
    await write(build, (documents) => documents.put({ position: 1 }, 'täa', { count: 1 }))
    await write(build, (documents) =>
      documents.update({ position: 2 }, 'täa', (found) => ({ count: (found?.count ?? 0) + 1 })),
    )
    await target.generations.publish(generation)
    deepEqual(await target.readModel.get('täa'), { count: 2 })
    equal(await target.readModel.get('mug'), undefined)
    await rejects(
      write(build, () => undefined, firstCheckpoint(9)),
      { code: 'CHECKPOINT_CONFLICT' },
    )
    await client.close()
  })

  function open(options: Partial<ElasticsearchTargetOptions> = {}) {
    return elasticsearchTarget<Count>({ url: server().url, indexPrefix: `open-${++targets}`, settings, ...options })
  }
})

/** Writes the batch after the one before. */
async function write(
  target: Target<ElasticsearchReadModel<Count>>,
  apply: (documents: ElasticsearchReadModel<Count>) => unknown,
  expected?: TargetCheckpoint,
): Promise<void> {
  const found = expected ?? (await target.checkpoint('stock'))
  const next = { ...firstCheckpoint(1), position: (found?.position ?? 0) + 1 }
  await target.write({ projection: 'stock', expected: found, next, empty: false, apply })
}

function opened(server: SearchServer): OpenedTarget<ElasticsearchReadModel<Count>> {
  const indexPrefix = `suite-${++targets}`
  let road = createRoad()
  const open = () => elasticsearchTarget<Count>({ url: server.url, indexPrefix, settings, fetch: road.fetch })
  return {
    target: open(),
    counting,
    traits: { transactional: false, severalProjections: false, concurrent: true },
    reopen: open,
    openBeside: open,
    afterCrash: async () => {
      await road.kill()
      road = createRoad()
      return open()
    },
  }
}

const stockEvents = defineEvents({ Received: event<Record<string, never>>() })

function stockIn(target: ReturnType<typeof elasticsearchTarget<Count>>) {
  return defineProjection({
    name: 'stock',
    events: stockEvents,
    target,
    on: {
      Received: (documents, received) => documents.update(received, 'tea', (tea) => ({ count: (tea?.count ?? 0) + 1 })),
    },
  })
}
