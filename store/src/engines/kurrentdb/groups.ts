import type { AppendRequest } from '../../engine/engine.ts'

/** Streams that one append of the server writes or checks, ours included: as many as `varve serve` takes. */
const streamsMax = 1_000

/**
 * The requests of a batch that one append of the server takes. Where the events of each stream are taken together, two requests
 * for a stream with another one between them would change places: the second begins a new group.
 */
export function groupsOf(batch: readonly AppendRequest[]): readonly (readonly AppendRequest[])[] {
  const groups: AppendRequest[][] = []
  let seen = new Set<string>()
  let last: string | undefined
  let streams = 0
  for (const request of batch) {
    const written = request.events.map(({ streamId }) => streamId)
    const returns = written.some(
      (streamId, at) => streamId !== (at === 0 ? last : written[at - 1]) && seen.has(streamId),
    )
    const own = streamsIn(request)
    const group = groups.at(-1)
    if (group === undefined || returns || streams + own > streamsMax) {
      groups.push([request])
      seen = new Set()
      streams = 0
    } else group.push(request)
    for (const streamId of written) seen.add(streamId)
    last = written.at(-1)
    streams += own
  }
  return groups
}

/** Each event has the stream of its id, each stream that of the facts about it; and there is the list of streams. */
function streamsIn({ events, checks }: AppendRequest): number {
  const streams = new Set([...events, ...checks].map(({ streamId }) => streamId))
  return events.length + 2 * streams.size + 1
}
