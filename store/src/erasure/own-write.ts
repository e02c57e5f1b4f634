import type { StreamWrite } from '../model/call.ts'
import type { NewEvent } from '../model/event.ts'
import { jsonContentType, ownPayload } from '../model/payload.ts'
import { encodeJson } from '../schema/codec.ts'
import { isUnsealed, type Unsealed } from './seal-events.ts'

/**
 * A write that shares nothing with what its caller gave: one that has to wait for keys must be sent as it was when it was
 * given. What is no write, and no event, is left to the store, which says so.
 *
 * @throws INVALID_ARGUMENT for what has no JSON form, as the append would.
 */
export function ownWrite(write: Write): Write {
  if (!Array.isArray(write?.events)) return write
  const events = write.events.map((event: NewEvent | Unsealed, index) =>
    isUnsealed(event)
      ? { ...event, event: { ...event.event, ...ownMetadata(event.event, index) } }
      : ownEvent(event, index),
  )
  return { ...write, events }
}

/** A write whose events may have been taken apart. */
export type Write = Omit<StreamWrite, 'events'> & { readonly events: readonly (NewEvent | Unsealed)[] }

function ownEvent(event: NewEvent, index: number): NewEvent {
  if (typeof event !== 'object' || event === null) return event
  const { data, contentType = jsonContentType, tags } = event
  const isJson = !(data instanceof Uint8Array) && contentType === jsonContentType
  return {
    ...event,
    data: isJson ? JSON.parse(encodeJson(data, `events[${index}].data`)) : ownBytes(data),
    ...ownMetadata(event, index),
    ...(Array.isArray(tags) && { tags: [...tags] }),
  }
}

function ownMetadata({ metadata }: NewEvent, index: number): Pick<NewEvent, 'metadata'> {
  if (typeof metadata !== 'object' || metadata === null) return {}
  if (metadata instanceof Uint8Array) return { metadata: new Uint8Array(metadata) }
  return { metadata: JSON.parse(encodeJson(metadata, `events[${index}].metadata`)) }
}

function ownBytes(data: unknown): unknown {
  return data instanceof Uint8Array ? ownPayload(data) : data
}
