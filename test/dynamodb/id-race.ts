import type { Random } from '../../store/src/conformance/seeded.ts'
import { seeded } from '../../store/src/conformance/seeded.ts'

/** What a racer is to do. */
export interface IdRace {
  readonly url: string
  /** The same for all racers: it tells the ids of each append. */
  readonly seed: number
  readonly racer: number
  /** Where it notes what it sends and what it is told, before it goes on. */
  readonly report: string
}

/** An append that a racer sent: the same ids as all others in their append of this number, to streams of its own choice. */
export interface IdAppend {
  readonly append: number
  readonly writes: readonly { readonly streamId: string; readonly ids: readonly string[] }[]
  readonly answer?:
    | { readonly status: 'landed'; readonly idempotent: boolean; readonly versions: readonly number[] }
    | { readonly status: 'duplicate'; readonly eventId: string; readonly streamId: string }
}

const streams = 24

/** The ids of an append; one append in four has an id of the one before it. */
export function idsOf(seed: number, append: number): readonly string[] {
  const random = seeded(seed + append * 7_919)
  const fresh = Array.from({ length: 1 + random.below(3) }, (_, nth) => idOf(seed, append, nth))
  return append > 0 && random.oneIn(4) ? [...fresh, idOf(seed, append - 1, 0)] : fresh
}

/** Of both kinds: such as begin with a time, and such as do not. */
function idOf(seed: number, append: number, nth: number): string {
  const version = (append + nth) % 3 === 0 ? '4' : '7'
  const time = (0x198_c6e2_5b1a + append * 3).toString(16).padStart(12, '0')
  return `${time.slice(0, 8)}-${time.slice(8)}-${version}000-8000-${seed.toString(16).padStart(10, '0')}${nth.toString(16).padStart(2, '0')}`
}

/** Divides ids among streams of chance, mostly of several shards. */
export function writesOf(random: Random, ids: readonly string[]): IdAppend['writes'] {
  const first = random.below(streams)
  const several = random.oneIn(2)
  const byStream = Map.groupBy(ids, (_) => `Order-${several ? (first + random.below(streams)) % streams : first}`)
  return [...byStream].map(([streamId, some]) => ({ streamId, ids: some }))
}
