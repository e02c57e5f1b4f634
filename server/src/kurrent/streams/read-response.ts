import type { Call } from '../grpc/call.ts'
import { unlessAborted } from '../grpc/unless-aborted.ts'
import { bytesTag, varintTag } from '../protobuf/proto-reader.ts'
import { ProtoWriter } from '../protobuf/proto-writer.ts'
import { type UuidForm, writeUuid } from '../protobuf/uuid.ts'
import { writePosition } from './append-response.ts'
import { afterAll, type KurrentEvent } from './kurrent-event.ts'
import { binaryContentType, jsonContentType } from './proposed-event.ts'
import { writeStreamName } from './stream-name.ts'

/** An event, and the link that led to it if one did; without the event when the link leads nowhere. */
export interface ResolvedEvent {
  readonly event: KurrentEvent | undefined
  readonly link?: KurrentEvent
}

/** An event of a persistent subscription, and how often its delivery has failed before. */
export interface DeliveredEvent extends ResolvedEvent {
  readonly retries?: number
}

/** Where a subscription stands: in its stream, or in the store. */
export type Place = { readonly revision: number } | { readonly position: number }

const response = {
  event: bytesTag(1),
  confirmation: bytesTag(2),
  checkpoint: bytesTag(3),
  streamNotFound: bytesTag(4),
  firstStreamPosition: varintTag(5),
  lastStreamPosition: varintTag(6),
  caughtUp: bytesTag(8),
} as const

/** The last one is for persistent subscriptions, whose messages are the same but for that. */
const readEvent = {
  event: bytesTag(1),
  link: bytesTag(2),
  commitPosition: varintTag(3),
  retryCount: varintTag(5),
} as const

const recorded = {
  id: bytesTag(1),
  stream: bytesTag(2),
  revision: varintTag(3),
  prepare: varintTag(4),
  commit: varintTag(5),
  metadata: bytesTag(6),
  customMetadata: bytesTag(7),
  data: bytesTag(8),
} as const

const checkpointTimestamp = bytesTag(3)
const standing = { timestamp: bytesTag(1), revision: varintTag(2), position: bytesTag(3) } as const

const keyTag = bytesTag(1)
const valueTag = bytesTag(2)

/** What is written about every event of a kind in the same way. */
const jsonEntry = contentTypeEntry(jsonContentType)
const binaryEntry = contentTypeEntry(binaryContentType)

/** Answers to a read are gathered up to this many bytes before they are sent. */
const sendBytes = 65_536

/** Room that an event takes besides its payloads, near enough. */
const eventOverheadBytes = 160

/** The answers to one read, gathered and sent in large pieces. */
export class ReadResponses {
  readonly #call: Call
  readonly #uuidForm: UuidForm
  readonly #signal: AbortSignal
  readonly #ask: () => Promise<void> | undefined
  #writer = new ProtoWriter()

  /**
   * @param signal whoever waits for a slow client stops waiting when it aborts.
   * @param ask asks, before each piece is sent, whether the client may still read this.
   */
  constructor(call: Call, uuidForm: UuidForm, signal: AbortSignal, ask: () => Promise<void> | undefined) {
    this.#call = call
    this.#uuidForm = uuidForm
    this.#signal = signal
    this.#ask = ask
  }

  /**
   * Adds an event.
   *
   * @returns a promise when nothing more should be added until it resolves.
   */
  event({ event, link, retries }: DeliveredEvent): Promise<void> | undefined {
    const writer = this.#writer
    const frame = writer.beginFrame()
    const guess = guessOf(event) + guessOf(link)
    const message = writer.open(response.event, guess + 16)
    if (event !== undefined) this.#recorded(readEvent.event, event)
    if (link !== undefined) this.#recorded(readEvent.link, link)
    writer.uint(readEvent.commitPosition, (link ?? event)?.position ?? 0)
    if (retries !== undefined) writer.uint(readEvent.retryCount, retries)
    writer.close(message)
    writer.endFrame(frame)
    return this.sendIfFull()
  }

  /** Sends what was gathered when it is much. A promise as with {@link ReadResponses.event}. */
  sendIfFull(): Promise<void> | undefined {
    return this.#writer.length < sendBytes ? undefined : this.send()
  }

  /** Tells that a subscription has begun. */
  confirmation(subscriptionId: string): void {
    this.#message(response.confirmation, (writer) => writer.text(bytesTag(1), subscriptionId))
  }

  /** Tells how far a subscription with a filter has come. */
  checkpoint(position: number, nowMs: number): void {
    this.#message(response.checkpoint, (writer) => {
      writePosition(writer, position)
      writeTimestamp(writer, checkpointTimestamp, nowMs)
    })
  }

  /** Tells that there is no such stream. */
  streamNotFound(stream: string): void {
    this.#message(response.streamNotFound, (writer) => writeStreamName(writer, bytesTag(1), stream))
  }

  /** Tells with which revision the stream begins. */
  firstStreamPosition(revision: number): void {
    this.#number(response.firstStreamPosition, revision)
  }

  /** Tells with which revision the stream ends. */
  lastStreamPosition(revision: number): void {
    this.#number(response.lastStreamPosition, revision)
  }

  /** Tells that everything there was has been sent. */
  caughtUp(place: Place, nowMs: number): void {
    this.#message(response.caughtUp, (writer) => {
      writeTimestamp(writer, standing.timestamp, nowMs)
      if ('revision' in place) {
        if (place.revision < 0) writer.bits(standing.revision, 0xffff_ffff, 0xffff_ffff)
        else writer.uint(standing.revision, place.revision)
      } else {
        const message = writer.open(standing.position)
        writePosition(writer, place.position)
        writer.close(message)
      }
    })
  }

  /** Sends what was gathered. A promise as with {@link ReadResponses.event}. */
  send(): Promise<void> | undefined {
    if (this.#writer.length === 0) return undefined
    const asked = this.#ask()
    return asked === undefined ? this.#sendNow() : asked.then(() => this.#sendNow())
  }

  #sendNow(): Promise<void> | undefined {
    const frames = this.#writer.finish()
    this.#writer = new ProtoWriter(frames.length >= sendBytes ? sendBytes + 8_192 : undefined)
    const drained = this.#call.send(frames)
    return drained && unlessAborted(drained, this.#signal)
  }

  #message(tag: number, write: (writer: ProtoWriter) => void): void {
    const writer = this.#writer
    const frame = writer.beginFrame()
    const message = writer.open(tag)
    write(writer)
    writer.close(message)
    writer.endFrame(frame)
  }

  #number(tag: number, value: number): void {
    const frame = this.#writer.beginFrame()
    this.#writer.uint(tag, value)
    this.#writer.endFrame(frame)
  }

  #recorded(tag: number, event: KurrentEvent): void {
    const writer = this.#writer
    const message = writer.open(tag, guessOf(event))
    writeUuid(writer, recorded.id, event.id, this.#uuidForm)
    writeStreamName(writer, recorded.stream, event.stream)
    if (event.revision === afterAll) writer.bits(recorded.revision, 0x7fff_ffff, 0xffff_ffff)
    else writer.uint(recorded.revision, event.revision)
    writer.uint(recorded.prepare, event.position)
    writer.uint(recorded.commit, event.position)
    writeEntry(writer, 'type', event.type)
    writeEntry(writer, 'created', ticksOf(event.createdAtMs))
    writer.fields(event.isJson ? jsonEntry : binaryEntry)
    if (event.customMetadata.length > 0) writer.payload(recorded.customMetadata, event.customMetadata)
    if (event.data.length > 0) writer.payload(recorded.data, event.data)
    writer.close(message)
  }
}

function guessOf(event: KurrentEvent | undefined): number {
  if (event === undefined) return 0
  const { stream, type, data, customMetadata } = event
  return eventOverheadBytes + stream.length + type.length + data.length + customMetadata.length
}

function writeEntry(writer: ProtoWriter, key: string, value: string): void {
  const entry = writer.open(recorded.metadata)
  writer.text(keyTag, key)
  writer.text(valueTag, value)
  writer.close(entry)
}

function contentTypeEntry(contentType: string): Buffer {
  const writer = new ProtoWriter(128)
  writeEntry(writer, 'content-type', contentType)
  return writer.finish()
}

/** Counts of 100 ns since 1970, in decimal. */
function ticksOf(ms: number): string {
  return ms === 0 ? '0' : `${ms}0000`
}

function writeTimestamp(writer: ProtoWriter, tag: number, ms: number): void {
  const message = writer.open(tag)
  writer.uint(varintTag(1), Math.floor(ms / 1_000))
  writer.uint(varintTag(2), (ms % 1_000) * 1_000_000)
  writer.close(message)
}
