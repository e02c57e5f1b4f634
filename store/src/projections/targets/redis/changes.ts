/**
 * What a batch does to Redis, gathered: of all changes to one member of one key, what comes of them together. A member is a
 * field of a hash, a member of a set or sorted set, or the whole of a string.
 *
 * untouched > set to a value | added to | removed, and each of these > any of these
 *
 * Adding to what is not known stays an addition, which Redis carries out; adding to what was set in the batch is worked out here.
 */
import { InvalidArgument, LimitExceeded } from '../../../model/errors.ts'
import { limits } from '../../../model/limits.ts'

/** What a key holds. */
export type Kind = 'string' | 'hash' | 'sorted set' | 'set'

/** What becomes of one member. Whole numbers are added as `bigint`, scores as `number`. */
export type MemberChange =
  | { readonly does: 'set'; readonly value: string }
  | { readonly does: 'add'; readonly by: bigint | number }
  | { readonly does: 'remove' }

/** What becomes of one key. */
export interface KeyChange {
  /** Undefined while it was only removed. */
  readonly kind: Kind | undefined
  /** Whatever was there is removed first. */
  readonly anew: boolean
  readonly members: Map<string, MemberChange>
}

/** The one member of a string. */
export const whole = ''

/** As many whole digits as the script that writes can add without leaving 64 bits. */
const digitsMax = 18

/** What Redis takes for a whole number, which '007' is not: what an addition refuses must not depend on the batch. */
const wholeNumber = /^(?:0|-?[1-9]\d{0,17})$/

/** The changes of one batch, by key. */
export interface Changes {
  readonly byKey: ReadonlyMap<string, KeyChange>
  set(key: string, kind: Kind, member: string, value: string): void
  add(key: string, kind: Kind, member: string, by: bigint | number): void
  remove(key: string, kind: Kind, member: string): void
  /** Removes a key with all that it holds. */
  removeKey(key: string): void
}

/** No changes yet. */
export function createChanges(): Changes {
  const byKey = new Map<string, KeyChange>()
  let members = 0

  function changed(key: string, kind: Kind): Map<string, MemberChange> {
    const known = byKey.get(key)
    if (known?.kind === kind) return known.members
    if (known?.kind !== undefined) {
      throw new InvalidArgument('key', `${JSON.stringify(key)} holds a ${known.kind} in this batch, not a ${kind}`)
    }
    const change = { kind, anew: known !== undefined, members: new Map<string, MemberChange>() }
    byKey.set(key, change)
    return change.members
  }

  function count(): void {
    if (++members > limits.targetBatchChanges) {
      throw new LimitExceeded('targetBatchChanges', members, 'Change fewer keys, fields and members by one event.')
    }
  }

  function put(into: Map<string, MemberChange>, member: string, change: MemberChange): void {
    if (!into.has(member)) count()
    into.set(member, change)
  }

  return {
    byKey,
    set: (key, kind, member, value) => put(changed(key, kind), member, { does: 'set', value }),
    add: (key, kind, member, by) => {
      const into = changed(key, kind)
      put(into, member, added(into.get(member), by))
    },
    remove: (key, kind, member) => put(changed(key, kind), member, { does: 'remove' }),
    removeKey: (key) => {
      count()
      byKey.set(key, { kind: undefined, anew: true, members: new Map() })
    },
  }
}

/** What comes of a change and an addition after it. */
function added(before: MemberChange | undefined, by: bigint | number): MemberChange {
  if (before === undefined) return { does: 'add', by: checkedSum(by) }
  if (before.does === 'remove') return { does: 'set', value: String(by) }
  if (before.does === 'set') return { does: 'set', value: sumOf(before.value, by) }
  return { does: 'add', by: checkedSum(plus(before.by, by)) }
}

/** The sum of what a member holds and what is added to it. */
export function sumOf(value: string | undefined, by: bigint | number): string {
  if (value === undefined) return String(by)
  if (typeof by === 'number') return String(checkedSum(Number(value) + by))
  if (!wholeNumber.test(value)) throw notWhole(value)
  return String(checkedSum(BigInt(value) + by))
}

function notWhole(value: string): InvalidArgument {
  return new InvalidArgument(
    'value',
    `${JSON.stringify(value)} is no whole number of ${digitsMax} digits at most, so nothing can be added to it`,
  )
}

function plus(a: bigint | number, b: bigint | number): bigint | number {
  return typeof a === 'bigint' && typeof b === 'bigint' ? a + b : Number(a) + Number(b)
}

function checkedSum(sum: bigint | number): bigint | number {
  if (typeof sum === 'bigint' && String(sum).replace('-', '').length > digitsMax) throw notWhole(String(sum))
  // Adding one to a score that is infinite as well may come to no number, at which a script would end half way.
  if (typeof sum === 'number' && !Number.isFinite(sum)) throw new InvalidArgument('by', 'adds up to no finite number')
  return sum
}

const kindCodes: Readonly<Record<Kind, string>> = { string: 's', hash: 'h', 'sorted set': 'z', set: 'e' }
const doesCodes = { set: '=', add: '+', remove: '-' } as const

/** The changes to one key as arguments of the script that writes. */
export function* argumentsOf({ kind = 'string', anew, members }: KeyChange): Generator<string> {
  yield kindCodes[kind]
  yield anew ? '1' : '0'
  yield String(members.size)
  for (const [member, change] of members) {
    yield member
    yield doesCodes[change.does]
    yield change.does === 'set' ? change.value : change.does === 'add' ? String(change.by) : ''
  }
}
