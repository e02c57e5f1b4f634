import type { Page, ReadQuery } from '../../engine/engine.ts'
import { StoreCorrupt } from '../../model/errors.ts'
import type { StoredEvent } from '../../model/event.ts'
import type { StreamState } from '../../model/stream.ts'
import { beginPage } from './page.ts'
import type { ShardParts } from './shard.ts'
import { streamIn, type View } from './tail.ts'

/** Reads one page of a stream, from its partition as far as it is sealed, from memory behind that. */
export async function readStream(shard: ShardParts, view: View, streamId: string, query: ReadQuery): Promise<Page> {
  const state = await shard.states.of(streamId, view)
  const { head } = view
  const forward = query.direction === 'forward'
  const start = forward ? Math.max(query.from, 1) : Math.min(query.from, state.version)
  const shown = state.tombstoned ? { from: 1, to: 0 } : { from: state.truncateBefore, to: state.version }
  const page = beginPage(query)
  // A page without room says where it stands.
  if (page.isFull) return pageAt(start)
  let previous: number | undefined
  for await (const event of eventsOf(shard, view, { streamId, state, start, forward })) {
    if (previous !== undefined && Math.abs(event.version - previous) !== 1)
      throw gapIn(streamId, previous, event.version)
    previous = event.version
    const isShown = event.version >= shown.from && event.version <= shown.to
    if (isShown && !page.add(event)) return pageAt(event.version)
    // Whatever comes after this is hidden.
    if (!forward && event.version <= shown.from) break
  }
  return pageAt(forward ? Math.max(start, state.version + 1) : 0)

  function pageAt(next: number): Page {
    return { events: page.events, next, end: next < 1 || next > state.version, head, stream: state }
  }
}

function gapIn(streamId: string, previous: number, version: number): StoreCorrupt {
  return new StoreCorrupt(`stream ${JSON.stringify(streamId)} has version ${version} right beside version ${previous}`)
}

interface Walk {
  readonly streamId: string
  readonly state: StreamState
  readonly start: number
  readonly forward: boolean
}

/** The events of a stream from a version on, hidden ones left out where that saves reading them. */
async function* eventsOf(shard: ShardParts, view: View, walk: Walk): AsyncGenerator<StoredEvent> {
  const { streamId, state, start, forward } = walk
  if (state.tombstoned || start > state.version || start < 1) return
  const recent = streamIn(view, streamId)
  const firstRecent = recent[0]?.version ?? state.version + 1
  const read = { sealed: view.sealed, direction: forward ? 'forward' : 'backward' } as const
  if (forward) {
    const from = Math.max(start, state.truncateBefore)
    if (from < firstRecent)
      for await (const events of shard.streams.eventsOf(streamId, { ...read, from })) yield* events
    yield* recent.filter(({ version }) => version >= from)
    return
  }
  yield* recent.filter(({ version }) => version <= start).toReversed()
  const from = Math.min(start, firstRecent - 1)
  if (from >= Math.max(state.truncateBefore, 1)) {
    for await (const events of shard.streams.eventsOf(streamId, { ...read, from })) yield* events
  }
}
