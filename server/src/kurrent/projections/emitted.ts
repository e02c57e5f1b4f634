import { createHash } from 'node:crypto'
import { type NewEvent, limits as storeLimits } from 'varve'
import { Refused } from '../refusal.ts'
import { binaryContentType, jsonContentType } from '../streams/proposed-event.ts'
import { isMetadataStream, refuseUnwritable } from '../streams/stream-access.ts'
import { ProjectionFault, placeOf } from './fault.ts'
import type { Output, PackedEvent } from './isolate/exchange.ts'
import type { Registered } from './registry.ts'
import { isKept } from './streams.ts'

/**
 * The events that a projection emits. Their ids follow from the projection, its epoch, the position of the event they are
 * emitted for and their number among those: an append that is sent twice is one append.
 */

/** An event that was emitted, for the store. */
export function emittedEvent(registered: Registered, output: Output, cause: PackedEvent): NewEvent {
  const [position, ordinal, kind, place, type, data, metadata, isJson] = output
  return {
    id: idOf([registered.id, registered.epoch, position, kind === 'emit' ? ordinal : place]),
    type,
    data: Buffer.from(data),
    contentType: isJson ? jsonContentType : binaryContentType,
    metadata: Buffer.from(metadataText(registered, metadata, cause)),
    metadataContentType: jsonContentType,
  }
}

/** @throws ProjectionFault when nobody may emit there, or the event is none that the store takes. */
export function refuseUnemittable([, , , , type, data, metadata]: Output, stream: string, cause: PackedEvent): void {
  const says = (problem: string): ProjectionFault =>
    new ProjectionFault(`An append was refused, of what was emitted for event ${placeOf(cause)}: ${problem}`, cause[0])
  try {
    refuseUnwritable(stream)
  } catch (error) {
    throw error instanceof Refused ? says(error.message) : error
  }
  const shown = stream.slice(0, 200)
  if (isKept(stream)) throw says(`${shown} is kept by projections themselves.`)
  if (isMetadataStream(stream)) throw says(`${shown} holds what is said about another stream; set that as metadata.`)
  if (stream.length > storeLimits.streamIdChars) {
    throw says(
      `the name of the stream ${shown}… has ${stream.length} characters, more than ${storeLimits.streamIdChars}.`,
    )
  }
  if (!stream.isWellFormed() || !type.isWellFormed()) throw says(`a name in ${shown} is no well-formed text.`)
  if (type.length > storeLimits.eventTypeChars) {
    throw says(`an event type has ${type.length} characters, more than ${storeLimits.eventTypeChars}.`)
  }
  const bytes = Buffer.byteLength(data) + Buffer.byteLength(metadata ?? '') + metadataRoom
  if (bytes <= storeLimits.eventBytes) return
  throw says(`an event for ${shown} has ${bytes} bytes with its metadata, more than ${storeLimits.eventBytes}.`)
}

/** What is added to the metadata of an emitted event takes less than this. */
const metadataRoom = 1_000

/** A UUID of version 8 (RFC 9562), a digest. */
export function idOf(parts: readonly (string | number)[]): string {
  const digest = createHash('sha256').update(JSON.stringify(parts)).digest()
  digest[6] = ((digest[6] as number) & 0x0f) | 0x80
  digest[8] = ((digest[8] as number) & 0x3f) | 0x80
  const text = digest.toString('hex')
  return `${text.slice(0, 8)}-${text.slice(8, 12)}-${text.slice(12, 16)}-${text.slice(16, 20)}-${text.slice(20, 32)}`
}

/**
 * What the user gave, and what it was emitted for; a correlation goes on. `$v` is the projection, its epoch and the version
 * of its source.
 */
function metadataText(registered: Registered, given: string | null, cause: PackedEvent): string {
  const [position, , , , , id, , , , causing] = cause
  const correlation = correlationIn(causing)
  const facts = {
    $v: `${registered.id}:${registered.epoch}:${registered.version}`,
    $c: position,
    $p: position,
    $causedBy: id,
    ...(correlation !== undefined && { $correlationId: correlation }),
  }
  const rest = JSON.stringify(facts).slice(1)
  return given === null || given === '{}' || !given.startsWith('{') ? `{${rest}` : `${given.slice(0, -1)},${rest}`
}

function correlationIn(metadata: string | null): string | undefined {
  if (metadata?.includes('$correlationId') !== true) return undefined
  try {
    const { $correlationId } = JSON.parse(metadata) as { readonly $correlationId?: unknown }
    return typeof $correlationId === 'string' && $correlationId.length <= 200 ? $correlationId : undefined
  } catch {
    return undefined
  }
}
