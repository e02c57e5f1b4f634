import type { Engine } from '../engine/engine.ts'
import type { PageSource } from '../engine/read-ahead.ts'
import { InvalidArgument } from '../model/errors.ts'
import type { RecordedEvent } from '../model/event.ts'
import { limits } from '../model/limits.ts'
import { payloadBytes } from '../model/payload.ts'
import type { Trace, TracedEvent, TraceOptions } from '../model/trace.ts'
import { decodeEvent } from '../schema/codec.ts'
import { correlationTag } from '../schema/correlation-tag.ts'
import { canonicalUuid } from './event-id.ts'
import { readAll } from './read.ts'
import { checkedLimit } from './reader.ts'

/** The events of one correlation id and what caused what. See `EventStore.trace`. */
export async function trace(
  engine: PageSource & Pick<Engine, 'find'>,
  correlationId: string,
  options: TraceOptions = {},
): Promise<Trace> {
  const tag = correlationTag(correlationId)
  if (tag === undefined) throw new InvalidArgument('correlationId', 'is not a non-empty string')
  const { limit = limits.traceEvents, signal } = options
  checkedLimit(limit)
  const events: RecordedEvent[] = []
  let bytes = 0
  const root = await rootOf(engine, correlationId, signal)
  if (root !== undefined) events.push(root)
  for await (const event of readAll(engine, { filter: { tags: [tag] }, ...(signal && { signal }) })) {
    // The root carries the id as its own, and as its correlation id perhaps as well; a digest may stand for two ids.
    if (event.id === root?.id || event.metadata.correlationId !== correlationId) continue
    if (events.length >= limit || bytes >= limits.traceBytes)
      return traced(correlationId, events.slice(0, limit), false)
    events.push(event)
    bytes += payloadBytes(event.rawData) + payloadBytes(event.rawMetadata)
  }
  return traced(correlationId, events.slice(0, limit), events.length <= limit)
}

function traced(correlationId: string, events: readonly RecordedEvent[], complete: boolean): Trace {
  return { correlationId, events, roots: rootsOf(events), complete }
}

/** An event without a correlation id is the root of its own: see `causedBy`. */
async function rootOf(
  engine: Pick<Engine, 'find'>,
  correlationId: string,
  signal: AbortSignal | undefined,
): Promise<RecordedEvent | undefined> {
  const eventId = canonicalUuid(correlationId)
  const found = eventId === undefined ? undefined : await engine.find(eventId, signal)
  return found && decodeEvent(found)
}

/** A cause lies before its effect: what claims otherwise is a root, so that no claim makes a circle. */
function rootsOf(events: readonly RecordedEvent[]): readonly TracedEvent[] {
  const roots: TracedEvent[] = []
  const effectsOf = new Map<string, TracedEvent[]>()
  for (const event of events) {
    const effects: TracedEvent[] = []
    const siblings = effectsOf.get(String(event.metadata.causationId)) ?? roots
    siblings.push({ event, effects })
    effectsOf.set(event.id, effects)
  }
  return roots
}
