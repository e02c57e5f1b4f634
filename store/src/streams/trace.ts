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
  port: PageSource & { readonly engine: Pick<Engine, 'find'> },
  correlationId: string,
  options: TraceOptions = {},
): Promise<Trace> {
  const tag = correlationTag(correlationId)
  if (tag === undefined) throw new InvalidArgument('correlationId', 'is not a non-empty string')
  const { limit = limits.traceEvents, signal } = options
  checkedLimit(limit)
  const asked: Asked = { correlationId, logShards: port.engine.capabilities.logShards }
  const events: RecordedEvent[] = []
  let bytes = 0
  const root = await rootOf(port.engine, correlationId, signal)
  if (root !== undefined) events.push(root)
  for await (const event of readAll(port, { filter: { tags: [tag] }, ...(signal && { signal }) })) {
    // The root carries the id as its own, and as its correlation id perhaps as well; a digest may stand for two ids.
    if (event.id === root?.id || event.metadata.correlationId !== correlationId) continue
    if (events.length >= limit || bytes >= limits.traceBytes) return traced(asked, events.slice(0, limit), false)
    events.push(event)
    bytes += payloadBytes(event.rawData) + payloadBytes(event.rawMetadata)
  }
  return traced(asked, events.slice(0, limit), events.length <= limit)
}

function traced(asked: Asked, events: readonly RecordedEvent[], complete: boolean): Trace {
  const { correlationId, logShards } = asked
  return { correlationId, events, roots: rootsOf(events, logShards), complete }
}

interface Asked {
  readonly correlationId: string
  readonly logShards: number
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

/**
 * A cause lies before its effect: what claims otherwise is a root, so that no claim makes a circle. Events of different
 * log shards have no such order; there a claim is believed unless it closes a circle.
 */
function rootsOf(events: readonly RecordedEvent[], logShards: number): readonly TracedEvent[] {
  if (logShards > 1) return rootsOfShards(events, logShards)
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

function rootsOfShards(events: readonly RecordedEvent[], logShards: number): readonly TracedEvent[] {
  const nodes = new Map(events.map((event) => [event.id, { event, effects: [] as TracedEvent[] }]))
  const causeOf = new Map<string, string>()
  const roots: TracedEvent[] = []
  for (const { event, effects } of nodes.values()) {
    const cause = nodes.get(String(event.metadata.causationId))
    if (
      cause === undefined ||
      !mayCause(cause.event, event, logShards) ||
      closesCircle(causeOf, cause.event.id, event.id)
    ) {
      roots.push({ event, effects })
    } else {
      causeOf.set(event.id, cause.event.id)
      cause.effects.push({ event, effects })
    }
  }
  return roots
}

function mayCause(cause: RecordedEvent, event: RecordedEvent, logShards: number): boolean {
  return cause.position % logShards !== event.position % logShards || cause.position < event.position
}

/** Whether an event lies among the causes of its own cause, as far as they were believed. */
function closesCircle(causeOf: ReadonlyMap<string, string>, causeId: string, eventId: string): boolean {
  for (let at: string | undefined = causeId; at !== undefined; at = causeOf.get(at)) if (at === eventId) return true
  return false
}
