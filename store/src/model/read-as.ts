import type { RecordedEvent } from './event.ts'

/** What differs from what is stored. */
export interface Reading {
  readonly type: string
  readonly schemaVersion: number
  readonly data: unknown
  /** True when placeholders stand for what was erased. */
  readonly erased?: boolean
}

/** A recorded event read as something else than it was stored as. The bytes and their place stay those of what is stored. */
export function readAs(recorded: RecordedEvent, reading: Reading): RecordedEvent {
  return new EventReadAs(recorded, reading)
}

class EventReadAs implements RecordedEvent {
  readonly #recorded: RecordedEvent
  readonly type: string
  readonly schemaVersion: number
  readonly data: unknown
  readonly erased?: true

  constructor(recorded: RecordedEvent, { type, schemaVersion, data, erased = recorded.erased }: Reading) {
    this.#recorded = recorded
    this.type = type
    this.schemaVersion = schemaVersion
    this.data = data
    if (erased === true) this.erased = true
  }

  get id(): string {
    return this.#recorded.id
  }

  get streamId(): string {
    return this.#recorded.streamId
  }

  get version(): number {
    return this.#recorded.version
  }

  get position(): number {
    return this.#recorded.position
  }

  get contentType(): string {
    return this.#recorded.contentType
  }

  get tags(): readonly string[] {
    return this.#recorded.tags
  }

  get metadata(): RecordedEvent['metadata'] {
    return this.#recorded.metadata
  }

  get rawData(): RecordedEvent['rawData'] {
    return this.#recorded.rawData
  }

  get rawMetadata(): RecordedEvent['rawMetadata'] {
    return this.#recorded.rawMetadata
  }

  get metadataContentType(): string {
    return this.#recorded.metadataContentType
  }

  get recordedAtMs(): number {
    return this.#recorded.recordedAtMs
  }
}
