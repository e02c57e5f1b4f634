import type { Clock } from '../../../engine/clock.ts'
import { systemClock, systemRandom } from '../../../engine/system-clock.ts'
import { InvalidArgument, StoreClosed } from '../../../model/errors.ts'
import { fieldsOf, refuseUnknownOptions } from '../../../model/known-fields.ts'
import type { Generations, Target } from '../../../model/target.ts'
import { buildTarget, type Opened } from '../build-target.ts'
import { checkedGeneration, isMissing, isPublished } from '../generation.ts'
import { type Build, type BuildPlace, belongsToAnother, createBuild, indexKey, recordKey, sweep } from './build.ts'
import type { RedisClientLike } from './client.ts'
import { entriesOf } from './entries.ts'
import { createLinks } from './link.ts'
import type { ReadKey, RedisReadModel } from './read-model.ts'
import { checkedKey, readersOf, textOf, textsOf } from './reads.ts'
import { dropScript, isYes, openScript, publishScript, readScript } from './scripts.ts'

export type {
  IoredisLike,
  NodeRedisClusterLike,
  NodeRedisLike,
  NodeRedisSentinelLike,
  RedisClientLike,
} from './client.ts'

const optionFields = fieldsOf<RedisTargetOptions>({ prefix: true, client: true, url: true, clock: true, random: true })

export type { RedisReadModel, RedisValue, ScoredMember, ScoreRange } from './read-model.ts'

/** Options of {@link redisTarget}. */
export interface RedisTargetOptions {
  /** What all keys begin with, in braces: `stock` makes `{stock}:…`. One for each projection. */
  readonly prefix: string
  /**
   * A connected client of yours, of the package `redis` or `ioredis`, for one server, a cluster or
   * what sentinels watch. It stays yours to close.
   */
  readonly client?: RedisClientLike | undefined
  /** The server, as in `redis://127.0.0.1:6379`, for a connection of its own through the package `redis`. */
  readonly url?: string | undefined
  /** Default: the machine's clock, for the pauses before a write is tried again. */
  readonly clock?: Clock | undefined
  /** A number from 0 up to 1, for ids of writes and for jitter. Default: the machine's chance. */
  readonly random?: (() => number) | undefined
}

/** A read model in Redis. */
export interface RedisTarget extends Target<RedisReadModel> {
  readonly generations: Generations<RedisReadModel>
  /**
   * What Redis calls a key of the published generation at this moment, for commands that {@link RedisReadModel} does not
   * have. Ask again for each: another generation has other names.
   */
  keyName(key: string): Promise<string>
}

/**
 * A read model in Redis 6 or later, for one projection. A batch, its checkpoint and the check that nobody else has moved it
 * are one script: all of it is there or nothing. An answer that is lost is asked for again, and the batch still counts once.
 *
 * How much a crash of the server loses is the server's setting; it loses changes and checkpoint together, and what was
 * lost is projected again.
 *
 * @throws INVALID_ARGUMENT. DRIVER_MISSING and TARGET_UNAVAILABLE come from the first call: nothing is opened before.
 */
export function redisTarget(options: RedisTargetOptions): RedisTarget {
  refuseUnknownOptions(options, optionFields, 'redisTarget')
  const { prefix, clock = systemClock, random = systemRandom } = options
  if (typeof prefix !== 'string' || !/^[^{}\0]+$/.test(prefix) || !prefix.isWellFormed()) {
    throw new InvalidArgument('prefix', 'is not a non-empty string without { and }')
  }
  const links = createLinks({ ...options, clock, random })
  const place: BuildPlace = {
    begin: `{${prefix}}:`,
    link: links.patient,
    newToken: tokens(random),
    lifeAfter: (life) => `${Number.parseInt(life, 10) + 1}-${Math.floor(random() * 36 ** 5).toString(36)}`,
  }
  const underWay = new Set<Promise<unknown>>()
  let isClosed = false
  const check = (): void => {
    if (isClosed) throw new StoreClosed('The target')
  }
  const shown = shownBuild({ ...place, link: links.quick }, check)
  const readModel = readersOf(shown.read)
  const parts: Opened = { check, underWay }
  const itself = targetOf(parts, createBuild(place, 0, ''))
  const close = async (): Promise<void> => {
    isClosed = true
    await Promise.allSettled(underWay)
    await links.close()
  }
  return {
    ...itself,
    readModel,
    generations: generationsOf(place, parts, shown),
    keyName: async (key) => shown.nameOf(checkedKey(key)),
    close,
    [Symbol.asyncDispose]: close,
  }
}

/** The target of one build; `owner` is the projection, where the name of a checkpoint does not say it. */
function targetOf(opened: Opened, build: Build, owner?: string): Target<RedisReadModel> {
  const readModel = (checkOpen: () => void): RedisReadModel =>
    readersOf(async (key, command, args) => {
      checkOpen()
      return build.read(key, command, args)
    })
  return buildTarget(opened, build, readModel, owner)
}

/** The build that readers see. */
interface Shown {
  readonly read: ReadKey
  nameOf(key: string): Promise<string>
  /** Undefined for none. */
  generation(projection: string): Promise<number | undefined>
}

function shownBuild({ begin, link }: BuildPlace, check: () => void): Shown {
  /** As in 3.1-k3x9q, as it was when it was last looked at; scripts say when it is another one. */
  let shown = ''
  const nameIn = (build: string, key: string): string => {
    const [generation, life] = (build || '0.0').split('.')
    return `${begin}g${generation}:${life}:${key}`
  }
  return {
    read: async (key, command, args) => {
      check()
      for (;;) {
        const fields = ['shown', '', shown, command, ...args]
        const answer = await link.run(readScript, [indexKey(begin), nameIn(shown, key)], fields)
        const [isSo, found] = answer as [unknown, unknown]
        if (isYes(isSo)) return found
        shown = String(found)
      }
    },
    nameOf: async (key) => {
      check()
      shown = textOf(await link.command('HGET', indexKey(begin), ['shown'])) ?? ''
      return nameIn(shown, key)
    },
    generation: async (projection) => {
      check()
      const [owner, build = ''] = textsOf(await link.command('HMGET', indexKey(begin), ['projection', 'shown']))
      const generation = Number(build.split('.')[0])
      return owner === projection && generation > 0 ? generation : undefined
    },
  }
}

function generationsOf(place: BuildPlace, parts: Opened, shown: Shown): Generations<RedisReadModel> {
  const { begin, link } = place
  const { check } = parts
  const keysOf = (generation: number): readonly string[] => [indexKey(begin), recordKey(begin, generation)]
  return {
    open: async (given) => {
      check()
      const { projection, generation } = checkedGeneration(given)
      const birth = await opened(place, keysOf(generation), projection)
      return targetOf(parts, createBuild(place, generation, birth), projection)
    },
    published: (projection) => shown.generation(projection),
    publish: async (given) => {
      check()
      const { projection, generation } = checkedGeneration(given)
      const answer = await link.run(publishScript, keysOf(generation), [projection, String(generation)])
      if (textsOf(answer)[0] === 'missing') throw isMissing(given)
    },
    drop: async (given) => {
      check()
      const { projection, generation } = checkedGeneration(given)
      const answer = await link.run(dropScript, keysOf(generation), [projection, String(generation)])
      const [said] = textsOf(answer)
      if (said === 'published') throw isPublished(given)
      if (said === 'done') await sweep(place, recordKey(begin, generation))
    },
    entries: async function* (given) {
      check()
      const { projection, generation } = checkedGeneration(given)
      yield* entriesOf(place, recordKey(begin, generation), projection)
    },
  }
}

/** Makes a generation, after what was left of a drop that was cut off is gone, and gives its birth. */
async function opened(place: BuildPlace, keys: readonly string[], projection: string): Promise<string> {
  for (;;) {
    const answer = await place.link.run(openScript, keys, [projection, place.newToken()])
    const [said, about = ''] = textsOf(answer)
    if (said === 'owner') throw belongsToAnother(about, projection)
    if (said !== 'dropped') return about
    await sweep(place, keys[1] ?? '')
  }
}

/** Texts that no other process makes. */
function tokens(random: () => number): () => string {
  const own = Array.from({ length: 4 }, () => Math.floor(random() * 2 ** 32).toString(36)).join('-')
  let count = 0
  return () => `${own}.${++count}`
}
