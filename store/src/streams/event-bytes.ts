import type { AppendRequest } from '../engine/engine.ts'
import type { EventToStore } from '../model/event.ts'
import { type Payload, payloadBytes } from '../model/payload.ts'

/** Payload and metadata of a request, in bytes. */
export function requestBytes({ events }: AppendRequest): number {
  return eventsBytes(events)
}

/**
 * A bound that needs no look at the text, where no character takes more than three bytes for each of its UTF-16 units.
 * Nearly every event stays below the limits by it, so that nearly none is measured.
 */
export function bytesAtMostOf({ data, metadata }: EventToStore): number {
  return lengthAtMost(data) + lengthAtMost(metadata)
}

function lengthAtMost(payload: Payload): number {
  return typeof payload === 'string' ? payload.length * 3 : payload.byteLength
}

/** Payload and metadata of events, in bytes. */
export function eventsBytes(events: readonly EventToStore[]): number {
  let bytes = 0
  for (const { data, metadata } of events) bytes += payloadBytes(data) + payloadBytes(metadata)
  return bytes
}
