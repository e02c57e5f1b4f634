/** What a field, a member or a string is set to. A number is kept as its text, which is what a read gives. */
export type RedisValue = string | number

/** A member of a sorted set. */
export interface ScoredMember {
  readonly member: string
  readonly score: number
}

/** Which members of a sorted set: places from 0, counted from the end where they are below 0. */
export interface ScoreRange {
  /** The first place. Default 0. */
  readonly from?: number | undefined
  /** The last place, which is included. Default -1, the end. */
  readonly to?: number | undefined
  /** Highest score first. Default: lowest first, and equal scores by the bytes of their members. */
  readonly reverse?: boolean | undefined
}

/**
 * What a Redis target keeps, under the names that Redis has for its commands. Keys are the read model's own: which
 * generation they belong to is the target's business.
 *
 * Readers read what the published generation holds at that moment. Handlers read what the batch makes of it, their own changes
 * included, and change it; all changes of a batch are carried out at once, at its end. A read of a whole key inside
 * of a handler fetches all of it.
 */
export interface RedisReadModel {
  /** A string. */
  get(key: string): Promise<string | undefined>
  /** One field of a hash. */
  hget(key: string, field: string): Promise<string | undefined>
  /** All fields of a hash; empty when there is none. */
  hgetall(key: string): Promise<ReadonlyMap<string, string>>
  /** Whether a set has a member. */
  sismember(key: string, member: string): Promise<boolean>
  /** All members of a set. */
  smembers(key: string): Promise<ReadonlySet<string>>
  /** The score of a member of a sorted set. */
  zscore(key: string, member: string): Promise<number | undefined>
  /** Members of a sorted set by score. */
  zrange(key: string, range?: ScoreRange): Promise<readonly ScoredMember[]>
  /** Sets a string, whatever the key held. Handlers only, as all of the following. */
  set(key: string, value: RedisValue): void
  /** Adds a whole number to a string that is one; 0 where there is none. */
  incrby(key: string, by: number): void
  /** Removes a key with all that it holds. */
  del(key: string): void
  /** Sets one field of a hash. */
  hset(key: string, field: string, value: RedisValue): void
  /** Adds a whole number to a field. */
  hincrby(key: string, field: string, by: number): void
  /** Removes a field. */
  hdel(key: string, field: string): void
  /** Adds a member to a set. */
  sadd(key: string, member: string): void
  /** Removes a member from a set. */
  srem(key: string, member: string): void
  /** Gives a member of a sorted set its score. */
  zadd(key: string, score: number, member: string): void
  /** Adds to the score of a member. Sums of fractions depend on the order in which they are added. */
  zincrby(key: string, by: number, member: string): void
  /** Removes a member from a sorted set. */
  zrem(key: string, member: string): void
}

/** Reads one key of a build, whichever that is. What it gives is a reply of Redis in its second version. */
export type ReadKey = (key: string, command: string, args: readonly string[]) => Promise<unknown>

/** The half of a read model that reads. */
export type RedisReads = Pick<
  RedisReadModel,
  'get' | 'hget' | 'hgetall' | 'sismember' | 'smembers' | 'zscore' | 'zrange'
>

/** The half that changes. */
export type RedisWrites = Omit<RedisReadModel, keyof RedisReads>
