import type { StreamState } from '../../model/stream.ts'
import type { Commit } from './commit.ts'
import type { StreamsIndex } from './streams-index.ts'
import { type Listener, touchedState, type View } from './tail.ts'

/** Streams whose sealed state a process remembers; one that is forgotten costs a read. */
const rememberedStreams = 20_000

/** The states of streams, in memory as far as they were asked for. */
export interface States extends Listener {
  /** The state of a stream in a view. */
  of(streamId: string, view: View): Promise<StreamState>
}

/** The states of the streams of a shard. */
export function createStates(index: StreamsIndex): States {
  const sealedStates = new Map<string, StreamState>()
  let learnedChunk = 0

  return {
    of: async (streamId, view) => {
      const touched = touchedState(view, streamId)
      if (touched !== undefined) return touched
      const { chunk } = view.sealed
      // What is remembered is as new as what this process has sealed or seen to be; an older view asks the table.
      const known = learnedChunk <= chunk ? sealedStates.get(streamId) : undefined
      if (known !== undefined) return known
      const state = await index.stateOf(streamId, view.sealed)
      if (learnedChunk <= chunk) remember(streamId, state)
      return state
    },
    learn: ({ states, chunk }: Commit) => {
      learnedChunk = Math.max(learnedChunk, chunk)
      for (const [streamId, state] of states) if (sealedStates.has(streamId)) sealedStates.set(streamId, state)
    },
    forget: (chunk) => {
      learnedChunk = Math.max(learnedChunk, chunk)
      sealedStates.clear()
    },
  }

  function remember(streamId: string, state: StreamState): void {
    const [oldest] = sealedStates.size >= rememberedStreams ? sealedStates.keys() : []
    if (oldest !== undefined) sealedStates.delete(oldest)
    sealedStates.set(streamId, state)
  }
}
