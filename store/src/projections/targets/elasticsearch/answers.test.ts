import { deepEqual, equal, rejects } from 'node:assert/strict'
import { once } from 'node:events'
import { createServer } from 'node:http'
import { Client as OpenSearchClient } from '@opensearch-project/opensearch'
import { describe, it } from 'vitest'
import type { Clock } from '../../../engine/clock.ts'
import { firstCheckpoint } from '../../../model/target.ts'
import { elasticsearchTarget, type FetchLike } from './index.ts'

interface Asked {
  readonly method: string
  readonly path: string
  readonly body: string
}

interface Answer {
  readonly status: number
  readonly body: unknown
}

/** Pauses take no time. */
const impatient: Clock = {
  now: () => 0,
  sleep: (ms, signal) =>
    ms < 5_000
      ? new Promise((resolve) => setImmediate(resolve))
      : new Promise((resolve) => signal?.addEventListener('abort', () => resolve())),
  turn: async () => undefined,
}

/** A target with index `stock.g0.a` behind it, and what was asked of its server, which answers as it is told where it is. */
function scene(answer: (asked: Asked) => Answer | undefined) {
  const asked: Asked[] = []
  const fetch: FetchLike = async (url, { method, body = '' }) => {
    const request = { method, path: new URL(url).pathname, body }
    asked.push(request)
    const { status, body: said } = answer(request) ?? usual(request)
    return { status, text: async () => (typeof said === 'string' ? said : JSON.stringify(said)) }
  }
  const target = elasticsearchTarget({ url: 'http://search.example', indexPrefix: 'stock', fetch, clock: impatient })
  return { target, asked, bulks: () => asked.filter(({ path }) => path.endsWith('/_bulk')) }
}

function usual({ path, body }: Asked): Answer {
  if (path === '/_alias/stock') return { status: 200, body: { 'stock.g0.a': {} } }
  if (path === '/stock.checkpoints/_mget') return { status: 200, body: { docs: [record('stock.g0.a'), missing] } }
  if (path.endsWith('/_bulk')) return { status: 200, body: { items: idsIn(body).map(() => item(200)) } }
  return { status: 200, body: {} }
}

const record = (index: string) => ({ _id: 'g0', found: true, _source: { generation: 'g0', birth: '', index } })
const missing = { _id: 'g0.x', found: false }
const item = (status: number, error?: object) => ({ index: { status, ...(error && { error }) } })
const idsIn = (body: string): readonly string[] => [...body.matchAll(/"_id":"([^"]*)"/g)].map(([, id = '']) => id)

/** An event as handlers get it. */
const placed = { position: 1, id: 'e1', streamId: 'Order-1', type: 'Placed' }

function put(target: ReturnType<typeof scene>['target'], ...ids: readonly string[]): Promise<void> {
  const next = { ...firstCheckpoint(1), position: 1 }
  return target.write({
    ...{ projection: 'stock', expected: undefined, next, empty: false },
    apply: (documents) => {
      for (const id of ids) documents.put(placed, id, { id })
    },
  })
}

/** The server that takes so many documents at once. */
const takes = (documents: number) => (asked: Asked) =>
  asked.path.endsWith('/_bulk') && idsIn(asked.body).length > documents
    ? { status: 413, body: '<h1>Request Entity Too Large</h1>' }
    : undefined

describe('documents that are too large together', () => {
  it('are sent in halves', async () => {
    const { target, bulks } = scene(takes(1))
    await put(target, 'a', 'b', 'c')
    const taken = bulks().flatMap(({ body }) => (idsIn(body).length === 1 ? idsIn(body) : []))
    deepEqual(taken, ['a', 'b', 'c'])
  })

  it('are the failure of an event where one is so by itself', async () => {
    const { target } = scene(takes(0))
    await rejects(put(target, 'a', 'b'), { code: 'PROJECTION_FAILED', position: 1, message: /too large/ })
  })
})

describe('a refusal of a document', () => {
  const refusing = (status: number) =>
    scene(({ path, body }) => {
      const items = idsIn(body).map(() => item(status, { type: 'by_the_test', reason: 'no' }))
      return path.endsWith('/_bulk') ? { status: 200, body: { items } } : undefined
    })

  it.each([
    [400, 'PROJECTION_FAILED', 1],
    [403, 'TARGET_FAILED', 1],
    [500, 'TARGET_FAILED', 1],
    [429, 'TARGET_UNAVAILABLE', 6],
    [503, 'TARGET_UNAVAILABLE', 6],
  ])('with %i is %s, and is sent so many times: %i', async (status, code, times) => {
    const { target, bulks } = refusing(status)
    await rejects(put(target, 'a'), { code, message: /by_the_test/ })
    equal(bulks().length, times)
  })

  it('for an older version is none', async () => {
    await put(refusing(409).target, 'a')
  })
})

describe('an index that is gone', () => {
  const gone = (now: string) => {
    let isSent = false
    return scene(({ path, body }) => {
      if (path.endsWith('/_bulk')) {
        isSent = true
        return { status: 200, body: { items: idsIn(body).map(() => item(404, { type: 'index_not_found_exception' })) } }
      }
      return isSent && path.endsWith('/_mget') ? { status: 200, body: { docs: [record(now), missing] } } : undefined
    })
  }

  it('since somebody began anew is a conflict', async () => {
    await rejects(put(gone('stock.g0.b').target, 'a'), { code: 'CHECKPOINT_CONFLICT' })
  })

  it('though nobody did is said to be, with what to do', async () => {
    await rejects(put(gone('stock.g0.a').target, 'a'), { code: 'TARGET_FAILED', message: /stock\.g0\.a.*Rebuild/ })
  })

  it('of the checkpoints is made again', async () => {
    let isMade = 0
    const { target } = scene(({ method, path }) => {
      if (method !== 'PUT') return undefined
      if (path === '/stock.checkpoints') isMade++
      return path.includes('/_doc/') && isMade < 2 ? { status: 404, body: { error: 'by the test' } } : undefined
    })
    await put(target, 'a')
    equal(isMade, 2)
  })
})

describe('an answer', () => {
  it.each([200, 404])('with a page of a proxy is none of the server: %i', async (status) => {
    const { target } = scene(() => ({ status, body: '<h1>default backend</h1>' }))
    const says = { code: 'TARGET_UNAVAILABLE', message: /default backend/ }
    await rejects(target.readModel.get('a'), says)
    await rejects(target.checkpoint('stock'), says)
    await rejects(target.readModel.search({}), says)
  })

  it('that leaves documents out is asked for again, and then refused', async () => {
    const { target, bulks } = scene(({ path }) => (path.endsWith('/_bulk') ? { status: 200, body: {} } : undefined))
    await rejects(put(target, 'a'), { code: 'TARGET_UNAVAILABLE' })
    equal(bulks().length, 6)
  })

  it('of some shards only is no listing of a generation', async () => {
    const docs = [{ _id: 'owner', found: true, _source: { ...record('stock.g1.a')._source, projection: 'stock' } }]
    const { target } = scene(({ path }) => {
      if (path === '/stock.checkpoints/_mget') return { status: 200, body: { docs } }
      return path.endsWith('/_search')
        ? { status: 200, body: { _shards: { failed: 1 }, hits: { hits: [] } } }
        : undefined
    })
    const listing = target.generations.entries({ projection: 'stock', generation: 1 })[Symbol.asyncIterator]()
    await rejects(listing.next(), { code: 'TARGET_UNAVAILABLE', message: /1 shard/ })
  })

  it('without the source of a document says what to do', async () => {
    const { target } = scene(() => ({ status: 200, body: { docs: [{ _id: 'a', found: true, _version: 1 }] } }))
    await rejects(target.readModel.get('a'), { code: 'TARGET_FAILED', message: /"a" came without its _source/ })
  })

  it('that shows no alias however often it is moved is given up', async () => {
    const { target } = scene(({ path }) => (path === '/_alias/stock' ? { status: 404, body: {} } : undefined))
    await rejects(put(target, 'a'), { code: 'TARGET_FAILED', message: /alias/ })
  })
})

it.each(['.', '..', 'a/b', '__proto__', '\0'])('the document %j is asked for by its own id', async (id) => {
  const { target, asked } = scene(({ body }) => {
    const docs = JSON.parse(body).ids.map((_id: string) => ({ _id, found: true, _version: 1, _source: { _id } }))
    return { status: 200, body: { docs } }
  })
  deepEqual(await target.readModel.get(id), { _id: id })
  deepEqual(asked, [{ method: 'POST', path: '/stock/_mget', body: JSON.stringify({ ids: [id] }) }])
})

it('a document that the client of OpenSearch takes for an attack says how the client is to be made', async () => {
  const server = createServer((_, response) => {
    response.setHeader('content-type', 'application/json')
    response.end('{"docs":[{"_id":"a","found":true,"_version":1,"_source":{"__proto__":{}}}]}')
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  const node = `http://127.0.0.1:${typeof address === 'object' ? address?.port : 0}`
  const read = (client: OpenSearchClient) => elasticsearchTarget({ client, indexPrefix: 'stock' }).readModel.get('a')
  await rejects(read(new OpenSearchClient({ node })), { code: 'TARGET_FAILED', message: /PrototypePoisoning/ })
  const trusting = new OpenSearchClient({ node, disablePrototypePoisoningProtection: true })
  equal(JSON.stringify(await read(trusting)), '{"__proto__":{}}')
  server.closeAllConnections()
  server.close()
})
