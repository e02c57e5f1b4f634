/**
 * What the handlers of one batch get: changes are gathered, and reads see through them to what is there. Nothing reaches
 * Redis before the batch is over, so a handler that throws leaves nothing behind.
 */
import { InvalidArgument } from '../../../model/errors.ts'
import { type Changes, type KeyChange, type Kind, type MemberChange, sumOf, whole } from './changes.ts'
import type {
  ReadKey,
  RedisReadModel,
  RedisReads,
  RedisValue,
  RedisWrites,
  ScoredMember,
  ScoreRange,
} from './read-model.ts'
import { checkedKey, checkedRange, checkedText, readsOf } from './reads.ts'

/** A batch that is being recorded. */
export interface Recorder {
  readonly readModel: RedisReadModel
  /** From here on whoever kept hold of the read model is refused. */
  end(): void
}

/** Records into `changes`; `read` reads the build as it was before the batch. */
export function createRecorder(changes: Changes, read: ReadKey): Recorder {
  let isOver = false
  const check = (): void => {
    if (isOver) {
      throw new InvalidArgument(
        'redis',
        'was given to a handler for one batch, which is over: await what the handler does',
      )
    }
  }
  const parts = { ...writesTo(changes), ...readsThrough(changes, readsOf(read)) }
  const guarded = Object.entries(parts).map(([name, method]) => [
    name,
    (...args: never[]): unknown => {
      check()
      return (method as (...args: never[]) => unknown)(...args)
    },
  ])
  return {
    readModel: Object.fromEntries(guarded) as RedisReadModel,
    end: () => {
      isOver = true
    },
  }
}

function writesTo(changes: Changes): RedisWrites {
  const member = (text: string): string => checkedText('member', text)
  const field = (text: string): string => checkedText('field', text)
  return {
    set: (key, value) => {
      changes.removeKey(checkedKey(key))
      changes.set(key, 'string', whole, checkedValue(value))
    },
    incrby: (key, by) => changes.add(checkedKey(key), 'string', whole, checkedWhole(by)),
    del: (key) => changes.removeKey(checkedKey(key)),
    hset: (key, name, value) => changes.set(checkedKey(key), 'hash', field(name), checkedValue(value)),
    hincrby: (key, name, by) => changes.add(checkedKey(key), 'hash', field(name), checkedWhole(by)),
    hdel: (key, name) => changes.remove(checkedKey(key), 'hash', field(name)),
    sadd: (key, name) => changes.set(checkedKey(key), 'set', member(name), ''),
    srem: (key, name) => changes.remove(checkedKey(key), 'set', member(name)),
    zadd: (key, score, name) => changes.set(checkedKey(key), 'sorted set', member(name), String(checkedScore(score))),
    zincrby: (key, by, name) => changes.add(checkedKey(key), 'sorted set', member(name), checkedScore(by)),
    zrem: (key, name) => changes.remove(checkedKey(key), 'sorted set', member(name)),
  }
}

function readsThrough({ byKey }: Changes, reads: RedisReads): RedisReads {
  /** What a member holds: by the batch where that says it all, else by what was there. */
  async function memberOf(
    key: string,
    kind: Kind,
    member: string,
    before: () => Promise<string | undefined>,
  ): Promise<string | undefined> {
    const known = knownAs(byKey, key, kind)
    const change = known?.members.get(member)
    if (change?.does === 'set') return change.value
    if (change?.does === 'remove') return undefined
    const found = known?.anew === true ? undefined : await before()
    return change === undefined ? found : sumOf(found, change.by)
  }

  async function membersOf(
    key: string,
    kind: Kind,
    before: () => Promise<Iterable<readonly [string, string]>>,
  ): Promise<Map<string, string>> {
    const known = knownAs(byKey, key, kind)
    const members = new Map(known?.anew === true ? [] : await before())
    for (const [member, change] of known?.members ?? []) changeMember(members, member, change)
    return members
  }

  const scores = (key: string): Promise<Map<string, string>> =>
    membersOf(key, 'sorted set', async () =>
      (await reads.zrange(key)).map(({ member, score }) => [member, String(score)]),
    )

  return {
    get: (key) => memberOf(checkedKey(key), 'string', whole, () => reads.get(key)),
    hget: (key, field) => memberOf(checkedKey(key), 'hash', field, () => reads.hget(key, field)),
    hgetall: (key) => membersOf(checkedKey(key), 'hash', () => reads.hgetall(key)),
    sismember: async (key, member) => {
      const found = async () => ((await reads.sismember(key, member)) ? '' : undefined)
      return (await memberOf(checkedKey(key), 'set', member, found)) !== undefined
    },
    smembers: async (key) => {
      const found = async () => [...(await reads.smembers(key))].map((member) => [member, ''] as const)
      return new Set((await membersOf(checkedKey(key), 'set', found)).keys())
    },
    zscore: async (key, member) => {
      const found = async () => (await reads.zscore(key, member))?.toString()
      const score = await memberOf(checkedKey(key), 'sorted set', member, found)
      return score === undefined ? undefined : Number(score)
    },
    zrange: async (key, range = {}) => ranged(await scores(checkedKey(key)), range),
  }
}

/** What the batch does to a key, for a read that takes it for this kind. */
function knownAs(byKey: Changes['byKey'], key: string, kind: Kind): KeyChange | undefined {
  const known = byKey.get(key)
  if (known?.kind === undefined || known.kind === kind) return known
  throw new InvalidArgument('key', `${JSON.stringify(key)} holds a ${known.kind} in this batch, not a ${kind}`)
}

function changeMember(members: Map<string, string>, member: string, change: MemberChange): void {
  if (change.does === 'remove') members.delete(member)
  else members.set(member, change.does === 'set' ? change.value : sumOf(members.get(member), change.by))
}

/** A range as Redis cuts it. */
function ranged(scores: ReadonlyMap<string, string>, range: ScoreRange): readonly ScoredMember[] {
  const { from, to, reverse } = checkedRange(range)
  const sorted = [...scores]
    .map(([member, score]) => ({ member, score: Number(score) }))
    .sort((a, b) => a.score - b.score || Buffer.compare(Buffer.from(a.member), Buffer.from(b.member)))
  if (reverse) sorted.reverse()
  const placed = (place: number): number => (place < 0 ? Math.max(0, sorted.length + place) : place)
  return to < -sorted.length ? [] : sorted.slice(placed(from), placed(to) + 1)
}

function checkedValue(value: RedisValue): string {
  if (typeof value === 'number' && Number.isFinite(value)) return String(value)
  return checkedText('value', value)
}

function checkedWhole(by: number): bigint {
  if (!Number.isSafeInteger(by)) throw new InvalidArgument('by', 'is not a whole number')
  return BigInt(by)
}

function checkedScore(score: number): number {
  if (typeof score !== 'number' || !Number.isFinite(score)) throw new InvalidArgument('score', 'is not a finite number')
  return score
}
