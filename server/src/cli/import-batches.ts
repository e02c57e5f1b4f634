import type { EventStore } from 'varve'
import type { EventLine } from './envelope-line.ts'

/** Events of one append. Beyond a few hundred a larger append is hardly faster, and keeps others waiting longer. */
const batchEvents = 500
/** Bytes of the payloads of one append; a larger event goes alone. */
const batchBytes = 1_048_576

/**
 * Events for one append each. An append names a stream once and numbers its events in the order of its writes, so a
 * batch ends where a stream comes back after another: only then the order they come in is the order of the log. It also
 * ends at a missing version, so that the append behind it expects that version and is refused.
 */
export async function* batchesOf<Line extends EventLine>(
  lines: AsyncIterable<Line>,
  store: EventStore,
): AsyncGenerator<readonly Line[]> {
  const { multiStreamAppends } = store.capabilities
  let batch: Line[] = []
  let bytes = 0
  const streams = new Set<string>()
  for await (const line of lines) {
    const { streamId, rawData, rawMetadata } = line.event
    const before = batch.at(-1)?.event
    const isNext = before?.streamId === streamId && before.version + 1 === line.event.version
    const isBack = !isNext && (streams.has(streamId) || (!multiStreamAppends && streams.size > 0))
    const lineBytes = rawData.length + rawMetadata.length
    if (isBack || batch.length >= batchEvents || (batch.length > 0 && bytes + lineBytes > batchBytes)) {
      yield batch
      batch = []
      bytes = 0
      streams.clear()
    }
    batch.push(line)
    bytes += lineBytes
    streams.add(streamId)
  }
  if (batch.length > 0) yield batch
}
