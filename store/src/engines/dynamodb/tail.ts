import type { StoredEvent } from '../../model/event.ts'
import type { StreamState } from '../../model/stream.ts'
import type { Commit } from './commit.ts'

/** How far the indexes of a shard are: everything up to a chunk, and the position it ends at. */
export interface Sealed {
  readonly chunk: number
  readonly position: number
}

/** A log as it was when its head was looked at: what is sealed lies in indexes, what came after is here. */
export interface View {
  readonly head: number
  readonly sealed: Sealed
  /** Every commit behind what is sealed, in order. */
  readonly commits: readonly Commit[]
}

/**
 * The end of a log in memory. It only grows at its head, and only gives away at its other end what the indexes have:
 * whatever was told of a view stays true.
 */
export interface Tail {
  view(): View
  /** Takes in what was committed next; anything else is known already. */
  learn(commit: Commit): void
  /** Lets go of what is sealed. */
  drop(sealed: Sealed): void
  /** An event behind what is sealed, by its id. */
  byId(eventId: string): StoredEvent | undefined
}

/** What is told of what a tail lets go of. */
export interface Listener {
  /** A commit is sealed from now on. */
  learn(commit: Commit): void
  /** Everything up to this chunk is sealed, and was not seen here. */
  forget(chunk: number): void
}

/** The tail of a log that is sealed so far. */
export function createTail(begin: Sealed, listeners: readonly Listener[]): Tail {
  const ids = new Map<string, StoredEvent>()
  let current: View = { head: begin.position, sealed: begin, commits: [] }

  return {
    view: () => current,
    learn: (commit) => {
      if (commit.firstPosition !== current.head + 1) return
      for (const event of commit.events) ids.set(event.id, event)
      current = { ...current, head: commit.lastPosition, commits: [...current.commits, commit] }
    },
    drop: (sealed) => {
      if (sealed.chunk <= current.sealed.chunk) return
      if (sealed.position > current.head) {
        // Others went on so far that reading after them would take longer than beginning anew.
        ids.clear()
        for (const listener of listeners) listener.forget(sealed.chunk)
        current = { head: sealed.position, sealed, commits: [] }
        return
      }
      const dropped = current.commits.filter(({ chunk }) => chunk <= sealed.chunk)
      for (const commit of dropped) {
        for (const { id } of commit.events) ids.delete(id)
        for (const listener of listeners) listener.learn(commit)
      }
      current = { ...current, sealed, commits: current.commits.slice(dropped.length) }
    },
    byId: (eventId) => ids.get(eventId),
  }
}

/** The events of a view that lie behind what is sealed. */
export function eventsIn({ commits }: View): readonly StoredEvent[] {
  return commits.flatMap(({ events }) => events)
}

/** What a view has of a stream behind what is sealed. */
export function streamIn({ commits }: View, streamId: string): readonly StoredEvent[] {
  return commits.flatMap(({ events, states }) =>
    states.has(streamId) ? events.filter((event) => event.streamId === streamId) : [],
  )
}

/** The state of a stream if anything touched it behind what is sealed. */
export function touchedState({ commits }: View, streamId: string): StreamState | undefined {
  return commits.findLast(({ states }) => states.has(streamId))?.states.get(streamId)
}

/** The chunks of a view that are complete and wait to be sealed, in order. */
export function closedChunks({ commits }: View): readonly number[] {
  return commits.filter(({ closes }) => closes).map(({ chunk }) => chunk)
}
