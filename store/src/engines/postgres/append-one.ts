import type { AppendRequest } from '../../engine/engine.ts'
import type { EventToStore } from '../../model/event.ts'
import { jsonContentType } from '../../model/payload.ts'
import { streamChangeOf } from '../../model/stream.ts'
import { bytesOf, expectation, type Numbered, tagList, textOf } from './batch.ts'
import { decodeName, encodeName } from './names.ts'

/**
 * The arguments of the function that appends one event (migrations/0005-append-one.ts): nothing but the event and what is
 * expected of its own stream. Undefined for every other batch.
 */
export function encodeAlone(
  batch: readonly AppendRequest[],
): { readonly numbered: Numbered; readonly values: unknown[] } | undefined {
  const [request, ...others] = batch
  if (request === undefined || others.length > 0 || request.condition !== undefined) return undefined
  const [event, ...further] = request.events
  if (event === undefined || further.length > 0 || changesAStream(event)) return undefined
  // A check of 'any' asks nothing.
  const checks = request.checks.filter((check) => check.expectedVersion !== 'any')
  const [check] = checks
  if (checks.length > 1 || (check !== undefined && check.streamId !== event.streamId)) return undefined
  const values = [
    encodeName(event.streamId),
    check === undefined ? null : expectation(check.expectedVersion),
    event.id,
    encodeName(event.type),
    event.schemaVersion,
    event.recordedAtMs,
    contentType(event.contentType),
    textOf(event.data),
    bytesOf(event.data),
    contentType(event.metadataContentType),
    textOf(event.metadata),
    bytesOf(event.metadata),
    tagList(event),
  ]
  return { numbered: { streamIds: [event.streamId], checks, decode: decodeName }, values }
}

function changesAStream(event: EventToStore): boolean {
  const change = streamChangeOf(event)
  return change !== undefined && change !== 'malformed'
}

function contentType(type: string): string | null {
  return type === jsonContentType ? null : encodeName(type)
}
