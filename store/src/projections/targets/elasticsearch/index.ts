import type { Clock } from '../../../engine/clock.ts'
import { systemClock, systemRandom } from '../../../engine/system-clock.ts'
import { InvalidArgument, StoreClosed } from '../../../model/errors.ts'
import { fieldsOf, refuseUnknownOptions } from '../../../model/known-fields.ts'
import type { Generations, Target } from '../../../model/target.ts'
import { buildTarget, type Opened } from '../build-target.ts'
import { checkedGeneration, isMissing, isPublished } from '../generation.ts'
import {
  type Build,
  type BuildPlace,
  belongsToAnother,
  createBuild,
  createdGeneration,
  shownAsRecorded,
} from './build.ts'
import type { Refresh } from './bulk.ts'
import { type ElasticsearchClientLike, type Exchange, throughClient } from './client.ts'
import { entriesOf } from './entries.ts'
import { type FetchLike, throughHttp } from './http.ts'
import { createIndices } from './indices.ts'
import { createLedger } from './ledger.ts'
import { createLink } from './link.ts'
import { generationOf, namesOf } from './names.ts'
import type { ElasticsearchReadModel } from './read-model.ts'
import { readersOf } from './readers.ts'

const optionFields = fieldsOf<ElasticsearchTargetOptions>({
  indexPrefix: true,
  client: true,
  url: true,
  headers: true,
  fetch: true,
  requestMs: true,
  mappings: true,
  settings: true,
  refresh: true,
  clock: true,
  random: true,
})

export type { ElasticsearchClientLike } from './client.ts'
export type { FetchLike } from './http.ts'
export type { AtEvent, ElasticsearchReadModel, FoundDocument, SearchAnswer } from './read-model.ts'

/** Options of {@link elasticsearchTarget}. */
export interface ElasticsearchTargetOptions {
  /**
   * The alias that readers see, and what the names of all indices begin with: a-z, 0-9, `-` and `_`. One for each projection.
   */
  readonly indexPrefix: string
  /** An official client of yours, of Elasticsearch or of OpenSearch. It stays yours to close. */
  readonly client?: ElasticsearchClientLike | undefined
  /** The server, as in `https://user:secret@search.example:9200`, spoken to by `fetch`. */
  readonly url?: string | undefined
  /** Sent with each request to `url`: `{ authorization: 'ApiKey …' }`. */
  readonly headers?: Readonly<Record<string, string>> | undefined
  /** Default: that of Node. */
  readonly fetch?: FetchLike | undefined
  /** How long an answer from `url` is waited for, in milliseconds. Default 60,000. */
  readonly requestMs?: number | undefined
  /** The mappings that each index is made with. Default: what the server finds out by itself. */
  readonly mappings?: object | undefined
  /** The settings that each index is made with. Default: those of the server. */
  readonly settings?: object | undefined
  /**
   * When searches find what was written: `'later'`, at the next refresh of the index; `'wait'`, a write waits for that; `'now'`,
   * it is refreshed, which costs the server most. Default `'later'`: `get` sees everything at once.
   */
  readonly refresh?: Refresh | undefined
  /** Default: the machine's clock, for pauses and for `requestMs`. */
  readonly clock?: Clock | undefined
  /** A number from 0 up to 1, for names and for jitter. Default: the machine's chance. */
  readonly random?: (() => number) | undefined
}

/** A read model in Elasticsearch or OpenSearch. */
export interface ElasticsearchTarget<Document extends object> extends Target<ElasticsearchReadModel<Document>> {
  readonly generations: Generations<ElasticsearchReadModel<Document>>
}

/**
 * A read model of documents in Elasticsearch 8 or later or OpenSearch 2 or later, for one projection.
 *
 * There are no transactions: documents are written first, the checkpoint last. Each document has the position of the last event in
 * it as its external version, so that after whatever interruption the same events written again leave it as it is, and
 * so does whoever was overtaken. Readers may see documents that are ahead of the checkpoint.
 *
 * @throws INVALID_ARGUMENT. Nothing is asked before the first call.
 */
export function elasticsearchTarget<Document extends object = Record<string, unknown>>(
  options: ElasticsearchTargetOptions,
): ElasticsearchTarget<Document> {
  refuseUnknownOptions(options, optionFields, 'elasticsearchTarget')
  const { indexPrefix, clock = systemClock, random = systemRandom, mappings, settings, refresh = 'later' } = options
  const names = namesOf(indexPrefix)
  if (!['later', 'wait', 'now'].includes(refresh))
    throw new InvalidArgument('refresh', "is none of 'later', 'wait' and 'now'")
  const link = createLink(exchangeOf(options, clock), clock, random)
  const indices = createIndices(names, link, { ...(mappings && { mappings }), ...(settings && { settings }) })
  const place: BuildPlace = {
    names,
    link,
    indices,
    ledger: createLedger(names, link),
    refresh,
    newToken: tokens(random),
  }
  const underWay = new Set<Promise<unknown>>()
  let isClosed = false
  const check = (): void => {
    if (isClosed) throw new StoreClosed('The target')
  }
  const close = async (): Promise<void> => {
    isClosed = true
    await Promise.allSettled(underWay)
    link.close()
  }
  const parts: Parts = { place, check, underWay }
  const readModel = readersOf(link.ask, async () => {
    check()
    return names.alias
  })
  const target = {
    ...targetOf(parts, createBuild(place, 0, '')),
    readModel,
    generations: generationsOf(parts),
    close,
    [Symbol.asyncDispose]: close,
  }
  // What a document looks like is known to the compiler only.
  return target as unknown as ElasticsearchTarget<Document>
}

interface Parts extends Opened {
  readonly place: BuildPlace
}

/** The target of one build; `owner` is the projection, where the name of a checkpoint does not say it. */
function targetOf(parts: Parts, build: Build, owner?: string): Target<ElasticsearchReadModel<object>> {
  const readModel = (checkOpen: () => void): ElasticsearchReadModel<object> =>
    readersOf(parts.place.link.ask, async () => {
      checkOpen()
      return build.index()
    })
  return buildTarget(parts, build, readModel, owner)
}

function generationsOf(parts: Parts): Generations<ElasticsearchReadModel<object>> {
  const { place, check } = parts
  const { ledger, indices } = place
  const published = async (projection: string): Promise<number | undefined> => {
    if ((await ledger.owner()) !== projection) return undefined
    const shown = generationOf((await indices.shown()) ?? '')
    return shown === 0 ? undefined : shown
  }
  return {
    open: async (given) => {
      check()
      const { projection, generation } = checkedGeneration(given)
      const owner = await ledger.own(projection)
      if (owner !== projection) throw belongsToAnother(owner, projection)
      for (;;) {
        const record = await ledger.record(generation)
        if (record !== undefined) {
          return targetOf(parts, createBuild(place, generation, record.content.birth), projection)
        }
        await createdGeneration(place, generation, place.newToken())
      }
    },
    published: async (projection) => {
      check()
      return published(projection)
    },
    publish: async (given) => {
      check()
      const { projection, generation } = checkedGeneration(given)
      const record = (await ledger.owner()) === projection ? await ledger.record(generation) : undefined
      if (record === undefined) throw isMissing(given)
      await indices.show(record.content.index)
      await shownAsRecorded(place, generation)
    },
    drop: async (given) => {
      check()
      const { projection, generation } = checkedGeneration(given)
      if ((await ledger.owner()) !== projection) return
      if ((await published(projection)) === generation) throw isPublished(given)
      // Nobody writes to it once its record is gone.
      await ledger.forget(generation)
      for (const index of await indices.ofGeneration(generation)) await indices.remove(index)
    },
    entries: async function* (given) {
      check()
      const { projection, generation } = checkedGeneration(given)
      const record = (await ledger.owner()) === projection ? await ledger.record(generation) : undefined
      if (record !== undefined) yield* entriesOf(place.link, record.content.index)
    },
  }
}

function exchangeOf(
  { client, url, headers = {}, fetch, requestMs = 60_000 }: ElasticsearchTargetOptions,
  clock: Clock,
): Exchange {
  if ((client === undefined) === (url === undefined))
    throw new InvalidArgument('client', 'or a url is to be given, one of them')
  if (client === undefined) {
    return throughHttp({ url: url ?? '', headers, fetch: fetch ?? globalThis.fetch, requestMs, clock })
  }
  if (typeof client.transport?.request !== 'function') {
    throw new InvalidArgument('client', 'is no client of @elastic/elasticsearch or @opensearch-project/opensearch')
  }
  return throughClient(client)
}

/** Texts of a-z and 0-9 that no other process makes. */
function tokens(random: () => number): () => string {
  const own = Array.from({ length: 3 }, () =>
    Math.floor(random() * 2 ** 32)
      .toString(36)
      .padStart(7, '0'),
  ).join('')
  let count = 0
  return () => `${own}${(++count).toString(36).padStart(4, '0')}`
}
