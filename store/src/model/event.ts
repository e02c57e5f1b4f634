import type { Payload } from './payload.ts'

/** What a caller appends. */
export interface NewEvent<Type extends string = string, Data = unknown> {
  readonly type: Type
  /** A JSON value, or bytes, which are kept and returned exactly. Any other value is stored as `JSON.stringify` writes it. */
  readonly data: Data
  /** A UUID, unique in the store for ever. Default: a fresh UUIDv7, or one derived from `idempotencyKey`. */
  readonly id?: string | undefined
  /**
   * Default: the correlation and causation ids in force, nothing else. `timestamp` is the store's and refused here.
   * Bytes are kept and returned exactly in `rawMetadata`, and take part in nothing.
   */
  readonly metadata?: NewEventMetadata | Uint8Array | undefined
  /** What the event is about beyond its stream, as in `customer:cust-1`; conditions and filters find it by these. */
  readonly tags?: readonly string[] | undefined
  /** Version of the payload's shape, from 1. Default 1. */
  readonly schemaVersion?: number | undefined
  /** Default `application/json`, or `application/octet-stream` when `data` is bytes. */
  readonly contentType?: string | undefined
  /** Of `metadata` given as bytes. Default `application/octet-stream`. */
  readonly metadataContentType?: string | undefined
  /** For imports only: when the event was first recorded, ISO 8601 with its zone. Default: now. */
  readonly timestamp?: string | undefined
}

/** Metadata a caller may give. Keys other than these are kept as they are. */
export interface NewEventMetadata {
  readonly correlationId?: string | undefined
  readonly causationId?: string | undefined
  readonly userId?: string | undefined
  /** The command that decided for the event; it is executed once. */
  readonly commandId?: string | undefined
  /** The span that the event comes from (W3C Trace Context). Given by a store with a tracer. */
  readonly traceparent?: string | undefined
  readonly [key: string]: unknown
}

/** Metadata of a recorded event. */
export interface EventMetadata extends NewEventMetadata {
  /** When the store took the event in, ISO 8601 in UTC with milliseconds. */
  readonly timestamp: string
}

/** An event as the store gives it back. `data` and `metadata` are parsed when first touched, once. */
export interface RecordedEvent<Type extends string = string, Data = unknown> {
  readonly id: string
  readonly streamId: string
  readonly type: Type
  /** Place in the stream: 1, 2, 3… */
  readonly version: number
  /** Place in the store: 1, 2, 3… */
  readonly position: number
  readonly schemaVersion: number
  readonly contentType: string
  readonly tags: readonly string[]
  /**
   * The payload: a parsed value when the content type is JSON, the exact bytes otherwise.
   *
   * @throws PAYLOAD_UNREADABLE when the bytes are not what the content type says; `rawData` still gives them.
   */
  readonly data: Data
  /** There when a subject of the event is forgotten, and placeholders stand in `data` for what was personal. */
  readonly erased?: true
  readonly metadata: EventMetadata
  /** The payload as stored, text or bytes, without parsing. */
  readonly rawData: Payload
  /** The metadata as stored, without the timestamp and without parsing. */
  readonly rawMetadata: Payload
  /** The content type of `rawMetadata`. */
  readonly metadataContentType: string
  /** When the store took the event in, in milliseconds since 1970. */
  readonly recordedAtMs: number
}

/** An event on its way into an engine: everything is present and checked. */
export interface EventToStore {
  /** Lower-case UUID. */
  readonly id: string
  readonly streamId: string
  readonly type: string
  readonly schemaVersion: number
  readonly contentType: string
  readonly data: Payload
  readonly metadataContentType: string
  readonly metadata: Payload
  /** Without repeats, in the order given. */
  readonly tags: readonly string[]
  /** Milliseconds since 1970. */
  readonly recordedAtMs: number
}

/** An event as an engine gives it back. */
export interface StoredEvent extends EventToStore {
  readonly version: number
  readonly position: number
}
