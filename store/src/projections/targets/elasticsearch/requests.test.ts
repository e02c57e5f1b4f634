import { deepEqual, equal, rejects, throws } from 'node:assert/strict'
import { describe, it } from 'vitest'
import type { Clock } from '../../../engine/clock.ts'
import { firstCheckpoint } from '../../../model/target.ts'
import {
  type ElasticsearchReadModel,
  type ElasticsearchTargetOptions,
  elasticsearchTarget,
  type FetchLike,
} from './index.ts'

type Answer = { readonly status: number; readonly body: unknown }

/** A server that answers what it is told to, and everything that was sent to it. */
function server(answer: (path: string) => Answer) {
  const sent: { readonly url: string; readonly headers: Record<string, string> }[] = []
  const fetch: FetchLike = async (url, { headers }) => {
    sent.push({ url, headers })
    const { status, body } = answer(new URL(url).pathname)
    return { status, text: async () => (typeof body === 'string' ? body : JSON.stringify(body)) }
  }
  return { fetch, sent }
}

const at = (options: Partial<ElasticsearchTargetOptions>) =>
  elasticsearchTarget({ indexPrefix: 'stock', url: 'http://search.example:9200', clock: impatient, ...options })

/** Pauses take no time. */
const impatient: Clock = { now: () => 0, sleep: never, turn: async () => undefined }

function never(ms: number, signal?: AbortSignal): Promise<void> {
  if (ms < 5_000) return Promise.resolve()
  return new Promise((resolve) => signal?.addEventListener('abort', () => resolve()))
}

describe('a request', () => {
  it('brings the name and the password of the URL as a header, and other headers as they are given', async () => {
    const { fetch, sent } = server(() => ({ status: 404, body: {} }))
    const target = at({ url: 'https://me:s%C3%BC%40@search.example/es/', headers: { 'x-own': '1' }, fetch })
    equal(await target.readModel.get('a/b'), undefined)
    const [{ url, headers } = { url: '', headers: {} }] = sent
    equal(url, 'https://search.example/es/stock/_mget')
    equal(headers.authorization, `Basic ${Buffer.from('me:sü@').toString('base64')}`)
    equal(headers['x-own'], '1')
  })

  it('is given up when no answer comes', async () => {
    const fetch: FetchLike = (_, { signal }) =>
      new Promise((_, reject) => signal.addEventListener('abort', () => reject(signal.reason)))
    const target = at({ fetch, requestMs: 30, clock: { ...impatient, sleep: async () => undefined } })
    await rejects(target.readModel.get('a'), { code: 'TARGET_UNAVAILABLE', message: /no answer within 30 ms/ })
  })

  it.each([
    [401, 'TARGET_FAILED', /credentials/],
    [403, 'TARGET_FAILED', /rights/],
    [400, 'TARGET_FAILED', /illegal_argument: by the test/],
    [429, 'TARGET_UNAVAILABLE', /429/],
    [503, 'TARGET_UNAVAILABLE', /503/],
  ])('that is answered with %i says so', async (status, code, message) => {
    const body = { error: { type: 'illegal_argument', reason: 'by the test' } }
    const { fetch } = server(() => ({ status, body }))
    await rejects(at({ fetch }).readModel.search({}), { code, message, target: 'elasticsearch' })
    await rejects(at({ fetch }).checkpoint('stock'), { code })
  })

  it('that a proxy answers with a page says what the page says', async () => {
    const { fetch } = server(() => ({ status: 502, body: '<h1>Bad gateway</h1>' }))
    await rejects(at({ fetch }).readModel.search({}), { code: 'TARGET_UNAVAILABLE', message: /Bad gateway/ })
  })

  it('for a checkpoint whose shard is away does not take it for none', async () => {
    const error = { type: 'no_shard_available_action_exception', reason: 'by the test' }
    const { fetch } = server(() => ({ status: 200, body: { docs: [{ _id: 'g0', error }] } }))
    await rejects(at({ fetch }).checkpoint('stock'), { code: 'TARGET_UNAVAILABLE', message: /no_shard_available/ })
  })
})

describe('what handlers may not do', () => {
  const apply = (wrong: (documents: ElasticsearchReadModel<Record<string, unknown>>) => unknown): Promise<void> => {
    const { fetch } = server(() => ({ status: 500, body: 'nothing is sent' }))
    const next = { ...firstCheckpoint(1), position: 5 }
    return at({ fetch }).write({ projection: 'stock', expected: firstCheckpoint(1), next, empty: false, apply: wrong })
  }

  it.each([
    ['get', 'read another document', (documents: Documents) => documents.get('a')],
    ['get', 'search', (documents: Documents) => documents.search({})],
    ['at', 'name an event behind the batch', (documents: Documents) => documents.put({ position: 6 }, 'a', {})],
    ['at', 'name no event', (documents: Documents) => documents.put({} as never, 'a', {})],
    ['id', 'leave the id out', (documents: Documents) => documents.delete({ position: 5 }, '')],
    [
      'id',
      'give an id of more than 512 bytes',
      (documents: Documents) => documents.delete({ position: 5 }, 'ä'.repeat(257)),
    ],
    ['document', 'put a text of JSON', (documents: Documents) => documents.put({ position: 5 }, 'a', '{}' as never)],
    [
      'document',
      'put what contains itself',
      (documents: Documents) => documents.put({ position: 5 }, 'a', containingItself),
    ],
    ['document', 'put a bigint', (documents: Documents) => documents.put({ position: 5 }, 'a', { cents: 1n })],
    [
      'change',
      'update without a function',
      (documents: Documents) => documents.update({ position: 5 }, 'a', {} as never),
    ],
  ] as const)('is refused by the argument %s: %s', async (argument, _, wrong) => {
    await rejects(apply(wrong), { code: 'INVALID_ARGUMENT', argument })
  })

  it('is to come too late', async () => {
    let kept: Documents | undefined
    await rejects(
      apply((documents) => {
        kept = documents
        throw new RangeError('by the test')
      }),
      RangeError,
    )
    throws(() => kept?.put({ position: 5 }, 'a', {}), { code: 'INVALID_ARGUMENT', message: /which is over/ })
  })
})

type Documents = ElasticsearchReadModel<Record<string, unknown>>

const containingItself: Record<string, unknown> = {}
containingItself.itself = containingItself

describe('options of an Elasticsearch target', () => {
  it.each([
    ['indexPrefix', { indexPrefix: 'Stock' }],
    ['indexPrefix', { indexPrefix: 'stock.v1' }],
    ['indexPrefix', { indexPrefix: '_stock' }],
    ['indexPrefix', { indexPrefix: 'x'.repeat(181) }],
    ['url', { url: 'search.example' }],
    ['url', { url: 'redis://search.example' }],
    ['url', { url: 'http://me:100%@search.example' }],
    ['client', { client: { transport: { request: async () => ({}) } } }],
    ['client', { url: undefined as never }],
    ['client', { url: undefined as never, client: {} as never }],
    ['refresh', { refresh: 'soon' as never }],
  ])('are refused with a wrong %s', (argument, options) => {
    throws(() => at(options), { code: 'INVALID_ARGUMENT', argument })
  })

  it('ask nothing of the server', async () => {
    const { fetch, sent } = server(() => ({ status: 200, body: {} }))
    await at({ fetch }).close()
    deepEqual(sent, [])
  })
})
