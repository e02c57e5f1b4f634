import type { CallOptions } from './call.ts'
import { InvalidArgument, LimitExceeded } from './errors.ts'
import { fieldsOf, refuseUnknownFields } from './known-fields.ts'
import { limits } from './limits.ts'
import { isPosition } from './position.ts'

const policyFields = fieldsOf<SnapshotPolicy<unknown>>({
  name: true,
  version: true,
  everyEvents: true,
  afterMs: true,
  encode: true,
  decode: true,
})

/**
 * When the folded state of a stream is kept, and as what. A snapshot saves reading and folding and nothing else: it may
 * be thrown away at any time, and the state is always the snapshot's plus the events after it.
 */
export interface SnapshotPolicy<State> {
  /** Tells the states apart that are folded from the same streams. At most `limits.snapshotNameChars`. */
  readonly name: string
  /** Raise it when `evolve`, an upcaster or the shape of the state changes: snapshots of other versions are not used. Default 1. */
  readonly version?: number | undefined
  /** A snapshot is due once this many events were folded after the last one; `'never'` for on demand only. Default 500. */
  readonly everyEvents?: number | 'never' | undefined
  /** A snapshot is also due once reading and folding took this long, in milliseconds. Default: however long. */
  readonly afterMs?: number | undefined
  /** A JSON value of the state, where it is none itself: `(state) => [...state]` for a Map. Default: the state. */
  readonly encode?: ((state: State) => unknown) | undefined
  /** The state of a value that `encode` made, as parsed. Default: the value. */
  readonly decode?: ((value: unknown) => State) | undefined
}

/** The state of a stream up to one of its events. */
export interface Snapshot {
  /** Of the {@link SnapshotPolicy} it was taken under. */
  readonly policyVersion: number
  /** The first version that was folded: a stream that was truncated since folds to another state. */
  readonly firstVersion: number
  /** The last version that was folded. */
  readonly version: number
  /** Id of that event: a stream that has another one there has another history. */
  readonly eventId: string
  /** A JSON value. */
  readonly state: unknown
}

/** Whose snapshot it is. */
export interface SnapshotOwner {
  readonly streamId: string
  /** Of the {@link SnapshotPolicy}. */
  readonly name: string
}

/** Where snapshots lie. Losing one, or all, costs time and nothing else. */
export interface SnapshotPlace {
  /** The snapshot, or undefined when there is none that can be read. */
  load(owner: SnapshotOwner, options?: CallOptions): Promise<Snapshot | undefined>
  /** Keeps a snapshot instead of the one before. */
  save(owner: SnapshotOwner, snapshot: Snapshot, options?: CallOptions): Promise<void>
  /** Throws away all snapshots of a stream. */
  remove(streamId: string, options?: CallOptions): Promise<void>
}

/** What became of a snapshot. */
export type SnapshotOutcome =
  | { readonly status: 'taken'; readonly version: number }
  /** The policy asks for none yet, or there is nothing to keep. */
  | { readonly status: 'not_due' }
  /** Another call in this process is taking one of the same stream. */
  | { readonly status: 'under_way' }
  /** The command stands; what should have become a snapshot, or its place, refused. */
  | { readonly status: 'failed'; readonly error: unknown }

/**
 * Refuses a policy that is none.
 *
 * @throws INVALID_ARGUMENT, LIMIT_EXCEEDED
 */
export function checkSnapshotPolicy<State>(policy: SnapshotPolicy<State>): void {
  refuseUnknownFields(policy, policyFields, 'snapshot')
  const { name, version, everyEvents, afterMs, encode, decode } = policy
  if (typeof name !== 'string' || name === '' || !name.isWellFormed()) {
    throw new InvalidArgument('snapshot.name', 'is not a non-empty string')
  }
  if (name.length > limits.snapshotNameChars) throw new LimitExceeded('snapshotNameChars', name.length)
  const isCount = (value: unknown): boolean => value === undefined || (isPosition(value) && value !== 0)
  if (!isCount(version)) throw new InvalidArgument('snapshot.version', 'is not a whole number from 1 on')
  if (everyEvents !== 'never' && !isCount(everyEvents)) {
    throw new InvalidArgument('snapshot.everyEvents', "is neither a whole number from 1 on nor 'never'")
  }
  if (afterMs !== undefined && !(typeof afterMs === 'number' && afterMs >= 0)) {
    throw new InvalidArgument('snapshot.afterMs', 'is not a number from 0 on')
  }
  if ((encode === undefined) !== (decode === undefined)) {
    throw new InvalidArgument('snapshot', 'has only one of encode and decode: what one makes the other has to read')
  }
}
