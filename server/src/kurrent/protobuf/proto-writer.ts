import type { Payload } from 'varve'
import { frameHeaderBytes } from '../grpc/frames.ts'

/** Room that a field's tag and length take at the most, or a number with its tag. */
const fieldOverhead = 16

/**
 * Writes messages one behind the other into one piece of memory, each with its gRPC frame, so that many answers go out
 * in one write. For the messages that every append and read consists of.
 */
export class ProtoWriter {
  #room: Buffer
  #at = 0

  constructor(bytes = 4_096) {
    this.#room = Buffer.allocUnsafe(bytes)
  }

  /** Bytes written. */
  get length(): number {
    return this.#at
  }

  /** What was written. The writer must not be used again. */
  finish(): Buffer {
    return this.#room.subarray(0, this.#at)
  }

  /** Begins a gRPC message. What it gives is for {@link endFrame}. */
  beginFrame(): number {
    this.#ensure(frameHeaderBytes)
    const begin = this.#at
    this.#room[begin] = 0
    this.#at += frameHeaderBytes
    return begin
  }

  /** Ends a gRPC message. */
  endFrame(begin: number): void {
    this.#room.writeUInt32BE(this.#at - begin - frameHeaderBytes, begin + 1)
  }

  /** Begins a message in a field. What it gives is for {@link close}; a good guess of its length saves moving it. */
  open(tag: number, guess = 0): number {
    this.#ensure(fieldOverhead)
    this.#varint(tag)
    const begin = this.#at
    this.#at += lengthBytes(guess)
    return begin * 8 + lengthBytes(guess)
  }

  /** Ends a message in a field. */
  close(opened: number): void {
    const begin = Math.floor(opened / 8)
    const reserved = opened % 8
    const length = this.#at - begin - reserved
    const needed = lengthBytes(length)
    if (needed !== reserved) {
      this.#ensure(needed)
      this.#room.copyWithin(begin + needed, begin + reserved, this.#at)
      this.#at += needed - reserved
    }
    const end = this.#at
    this.#at = begin
    this.#varint(length)
    this.#at = end
  }

  /** A whole number from 0 on. */
  uint(tag: number, value: number): void {
    this.#ensure(fieldOverhead)
    this.#varint(tag)
    this.#varint(value)
  }

  /** A number of 64 bits, by its upper and its lower 32. */
  bits(tag: number, upper: number, lower: number): void {
    this.#ensure(fieldOverhead)
    this.#varint(tag)
    let high = upper >>> 0
    let low = lower >>> 0
    while (high > 0 || low > 0x7f) {
      this.#room[this.#at++] = (low & 0x7f) | 0x80
      low = ((low >>> 7) | (high << 25)) >>> 0
      high >>>= 7
    }
    this.#room[this.#at++] = low
  }

  /** Bytes as they are. */
  bytes(tag: number, value: Uint8Array): void {
    this.#ensure(value.length + fieldOverhead)
    this.#varint(tag)
    this.#varint(value.length)
    this.#room.set(value, this.#at)
    this.#at += value.length
  }

  /** Text as UTF-8. */
  text(tag: number, value: string): void {
    this.#ensure(value.length * 3 + fieldOverhead)
    this.#varint(tag)
    // Nearly all text is ASCII, and then as many octets long as it has characters.
    const begin = this.#at
    const reserved = lengthBytes(value.length)
    const length = this.#room.write(value, begin + reserved, 'utf8')
    const needed = lengthBytes(length)
    if (needed !== reserved) {
      this.#room.copyWithin(begin + needed, begin + reserved, begin + reserved + length)
    }
    this.#varint(length)
    this.#at = begin + needed + length
  }

  /** Text or bytes. */
  payload(tag: number, value: Payload): void {
    if (typeof value === 'string') this.text(tag, value)
    else this.bytes(tag, value)
  }

  /** Fields that were written before, tags and all. */
  fields(written: Uint8Array): void {
    this.#ensure(written.length)
    this.#room.set(written, this.#at)
    this.#at += written.length
  }

  /** A message without fields. */
  empty(tag: number): void {
    this.#ensure(fieldOverhead)
    this.#varint(tag)
    this.#room[this.#at++] = 0
  }

  #varint(value: number): void {
    let rest = value
    while (rest > 0x7f) {
      // Not >>>, which takes 32 bits: positions have 53.
      this.#room[this.#at++] = (rest % 128) | 0x80
      rest = Math.floor(rest / 128)
    }
    this.#room[this.#at++] = rest
  }

  #ensure(bytes: number): void {
    if (this.#at + bytes <= this.#room.length) return
    const room = Buffer.allocUnsafe(Math.max(this.#room.length * 2, this.#at + bytes))
    room.set(this.#room.subarray(0, this.#at))
    this.#room = room
  }
}

function lengthBytes(length: number): number {
  if (length < 0x80) return 1
  if (length < 0x4000) return 2
  if (length < 0x20_0000) return 3
  return length < 0x1000_0000 ? 4 : 5
}
