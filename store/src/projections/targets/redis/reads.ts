import type { Complete } from '../../../model/complete.ts'
import { InvalidArgument } from '../../../model/errors.ts'
import { fieldsOf, refuseUnknownFields } from '../../../model/known-fields.ts'
import type { ReadKey, RedisReadModel, RedisReads, RedisWrites, ScoredMember, ScoreRange } from './read-model.ts'

const rangeFields = fieldsOf<ScoreRange>({ from: true, to: true, reverse: true })

/** Reads as Redis carries them out. */
export function readsOf(read: ReadKey): RedisReads {
  return {
    get: async (key) => textOf(await read(checkedKey(key), 'GET', [])),
    hget: async (key, field) => textOf(await read(checkedKey(key), 'HGET', [checkedText('field', field)])),
    hgetall: async (key) => new Map(pairsOf(await read(checkedKey(key), 'HGETALL', []))),
    sismember: async (key, member) =>
      Number(await read(checkedKey(key), 'SISMEMBER', [checkedText('member', member)])) === 1,
    smembers: async (key) => new Set(textsOf(await read(checkedKey(key), 'SMEMBERS', []))),
    zscore: async (key, member) =>
      scoreOf(textOf(await read(checkedKey(key), 'ZSCORE', [checkedText('member', member)]))),
    zrange: async (key, range = {}) => {
      const { from, to, reverse } = checkedRange(range)
      const command = reverse ? 'ZREVRANGE' : 'ZRANGE'
      return scoredIn(await read(checkedKey(key), command, [String(from), String(to), 'WITHSCORES']))
    },
  }
}

/** What readers get: changes belong into handlers. */
export function readersOf(read: ReadKey): RedisReadModel {
  const refuse = (): never => {
    throw new InvalidArgument('readModel', 'is for readers: only the handlers of a projection change what it shows')
  }
  const writes: RedisWrites = {
    set: refuse,
    incrby: refuse,
    del: refuse,
    hset: refuse,
    hincrby: refuse,
    hdel: refuse,
    sadd: refuse,
    srem: refuse,
    zadd: refuse,
    zincrby: refuse,
    zrem: refuse,
  }
  return { ...readsOf(read), ...writes }
}

/** A reply as text; a client may be set up to give bytes. */
export function textOf(reply: unknown): string | undefined {
  return reply === null || reply === undefined ? undefined : String(reply)
}

/** A reply that is a list, as texts. */
export function textsOf(reply: unknown): readonly string[] {
  return Array.isArray(reply) ? reply.map(String) : []
}

/** A reply of name, value, name, value… */
export function pairsOf(reply: unknown): readonly (readonly [string, string])[] {
  const texts = textsOf(reply)
  return Array.from({ length: texts.length / 2 }, (_, pair) => [texts[2 * pair] ?? '', texts[2 * pair + 1] ?? ''])
}

function scoredIn(reply: unknown): readonly ScoredMember[] {
  return pairsOf(reply).map(([member, score]) => ({ member, score: scoreOf(score) ?? 0 }))
}

function scoreOf(text: string | undefined): number | undefined {
  if (text === undefined) return undefined
  return /inf$/.test(text) ? Number(text.replace('inf', 'Infinity')) : Number(text)
}

/** A range with everything in it. */
export function checkedRange(range: ScoreRange): Complete<ScoreRange> {
  refuseUnknownFields(range, rangeFields, 'range')
  const { from = 0, to = -1, reverse = false } = range
  for (const [name, place] of Object.entries({ from, to })) {
    if (!Number.isSafeInteger(place)) throw new InvalidArgument(name, 'is not a whole number')
  }
  return { from, to, reverse }
}

/** A key of a read model. U+0000 is what entries are told apart by. */
export function checkedKey(key: string): string {
  if (checkedText('key', key) === '' || key.includes('\0')) {
    throw new InvalidArgument('key', 'is empty or has the character U+0000 in it')
  }
  return key
}

/** A text that Redis gives back as it was. */
export function checkedText(name: string, text: unknown): string {
  if (typeof text !== 'string' || !text.isWellFormed()) throw new InvalidArgument(name, 'is not a well-formed string')
  return text
}
