/** Bytes that are no message of the kind they should be. */
export class MalformedMessage extends Error {
  constructor(problem: string) {
    super(`The message is malformed: ${problem}.`)
    this.name = 'MalformedMessage'
  }
}

/** How a field is written (https://protobuf.dev/programming-guides/encoding/). */
export const wireTypes = { varint: 0, fixed64: 1, bytes: 2, fixed32: 5 } as const

/** Field numbers and how fields are written, in one number: the tag. */
export const varintTag = (field: number): number => field * 8 + wireTypes.varint

/** The tag of a field with a length: bytes, text, a message, a map's entry. */
export const bytesTag = (field: number): number => field * 8 + wireTypes.bytes

/**
 * Reads the fields of a message one after the other. For the messages that every append and read consists of; reading
 * these into objects of a library costs several times as much.
 */
export class ProtoReader {
  readonly bytes: Buffer
  at: number
  end: number
  /** The lower 32 bits of what {@link high} read last. */
  low = 0

  constructor(bytes: Buffer, from = 0, end: number = bytes.length) {
    this.bytes = bytes
    this.at = from
    this.end = end
  }

  /** The next field's tag, 0 at the end. */
  tag(): number {
    if (this.at >= this.end) return 0
    const tag = this.uint()
    if (tag < 8 || tag > 0xffff_ffff) throw new MalformedMessage('a field has no number')
    return tag
  }

  /** A whole number from 0 on; those no double can hold are taken for the largest it can. */
  uint(): number {
    let value = 0
    let scale = 1
    for (let place = 0; place < 10; place++) {
      if (this.at >= this.end) throw new MalformedMessage('a number is cut off')
      const octet = this.bytes[this.at++] as number
      value += (octet & 0x7f) * scale
      if (octet < 0x80) return Math.min(value, Number.MAX_SAFE_INTEGER)
      scale *= 128
    }
    throw new MalformedMessage('a number is longer than ten octets')
  }

  /** All 64 bits of a number, which may stand for one below 0: the upper 32, with the lower 32 in {@link low}. */
  high(): number {
    let low = 0
    let high = 0
    for (let place = 0; place < 10; place++) {
      if (this.at >= this.end) throw new MalformedMessage('a number is cut off')
      const octet = this.bytes[this.at++] as number
      const digits = octet & 0x7f
      if (place < 4) low |= digits << (place * 7)
      else if (place > 4) high |= digits << (place * 7 - 32)
      else {
        low |= digits << 28
        high = digits >>> 4
      }
      if (octet >= 0x80) continue
      this.low = low >>> 0
      return high >>> 0
    }
    throw new MalformedMessage('a number is longer than ten octets')
  }

  /** A view of a field's bytes. */
  view(): Buffer {
    const end = this.#endOfField()
    const view = this.bytes.subarray(this.at, end)
    this.at = end
    return view
  }

  /** A field's text. What is not UTF-8 comes with replacement characters. */
  text(): string {
    const end = this.#endOfField()
    const text = this.bytes.toString('utf8', this.at, end)
    this.at = end
    return text
  }

  /** Narrows the reader to the message in a field. The caller hands what it gets to {@link leave}. */
  enter(): number {
    const outer = this.end
    this.end = this.#endOfField()
    return outer
  }

  /** Goes on behind the message that was entered. */
  leave(outer: number): void {
    this.at = this.end
    this.end = outer
  }

  /** Passes over a field that means nothing here. */
  skip(tag: number): void {
    switch (tag % 8) {
      case wireTypes.varint:
        this.high()
        return
      case wireTypes.fixed64:
        this.#pass(8)
        return
      case wireTypes.bytes:
        this.at = this.#endOfField()
        return
      case wireTypes.fixed32:
        this.#pass(4)
        return
      default:
        throw new MalformedMessage(`a field is written in a way that is none (${tag % 8})`)
    }
  }

  #pass(bytes: number): void {
    if (this.at + bytes > this.end) throw new MalformedMessage('a field is cut off')
    this.at += bytes
  }

  #endOfField(): number {
    const length = this.uint()
    if (length > this.end - this.at) throw new MalformedMessage('a field is longer than its message')
    return this.at + length
  }
}
