import { CallFailed } from './status.ts'

/** Before each message: one octet that says whether it is compressed, four with its length. */
export const frameHeaderBytes = 5

/** Bytes that the unfinished messages of one connection may take together. */
export interface Assembling {
  bytes: number
}

/** Bounds of what is received. */
export interface FrameLimits {
  /** One message, in bytes. */
  readonly messageBytes: number
  /** Unfinished messages of one connection, in bytes. */
  readonly assemblingBytes: number
}

/** What an unfinished message is given to begin with; it doubles as the message arrives, so a claim alone costs nothing. */
const smallestRoom = 16_384

const nothing = Buffer.alloc(0)

/**
 * Cuts the bytes of a call into its messages (gRPC over HTTP/2, length-prefixed messages). Messages are views of the
 * bytes they came in wherever possible: whoever keeps one copies it.
 */
export class FrameReader {
  readonly #limits: FrameLimits
  readonly #assembling: Assembling
  /** Room for the unfinished message, of which `#held` bytes are there. */
  #room: Buffer = nothing
  #held = 0
  /** Bytes the unfinished message takes with its header; those of the header alone until it is complete. */
  #wanted = frameHeaderBytes

  constructor(limits: FrameLimits, assembling: Assembling) {
    this.#limits = limits
    this.#assembling = assembling
  }

  /** Whether the last message is complete. */
  get isBetweenMessages(): boolean {
    return this.#held === 0
  }

  /**
   * The messages that are complete with these bytes.
   *
   * @throws CallFailed for a message that is too large or compressed, or when too much is unfinished.
   */
  push(chunk: Buffer): readonly Buffer[] {
    const messages: Buffer[] = []
    let rest = this.#held === 0 ? chunk : this.#joined(chunk)
    while (rest.length > 0) {
      this.#wanted = rest.length < frameHeaderBytes ? frameHeaderBytes : this.#sizeOf(rest)
      if (rest.length < this.#wanted) {
        this.#hold(rest)
        break
      }
      messages.push(rest.subarray(frameHeaderBytes, this.#wanted))
      rest = rest.subarray(this.#wanted)
    }
    return messages
  }

  /** Gives back what the unfinished message took. */
  close(): void {
    this.#assembling.bytes -= this.#room.length
    this.#room = nothing
    this.#held = 0
  }

  /** What is there with the chunk, empty while that is no whole message yet. */
  #joined(chunk: Buffer): Buffer {
    this.#hold(chunk)
    if (this.#held < this.#wanted) return nothing
    const whole = this.#room.subarray(0, this.#held)
    this.close()
    return whole
  }

  #hold(piece: Buffer): void {
    const held = this.#held + piece.length
    if (held > this.#room.length) this.#grow(held)
    this.#room.set(piece, this.#held)
    this.#held = held
  }

  #grow(least: number): void {
    const bytes = Math.max(least, Math.min(this.#wanted, Math.max(this.#room.length * 2, smallestRoom)))
    this.#assembling.bytes += bytes - this.#room.length
    const { assemblingBytes } = this.#limits
    if (this.#assembling.bytes > assemblingBytes) {
      this.#assembling.bytes -= bytes - this.#room.length
      throw new CallFailed(
        'resourceExhausted',
        `The unfinished messages of this connection take more than ${assemblingBytes} bytes. Send fewer at once.`,
      )
    }
    const room = Buffer.allocUnsafe(bytes)
    room.set(this.#room.subarray(0, this.#held))
    this.#room = room
  }

  #sizeOf(frame: Buffer): number {
    const flag = frame[0]
    if (flag === 1) {
      throw new CallFailed('unimplemented', 'Compressed messages are not taken. Send them with identity encoding.')
    }
    if (flag !== 0) throw new CallFailed('invalidArgument', `A message begins with ${flag}, which is no flag of gRPC.`)
    const bytes = frame.readUInt32BE(1)
    const { messageBytes } = this.#limits
    if (bytes > messageBytes) {
      throw new CallFailed(
        'resourceExhausted',
        `A message of ${bytes} bytes is larger than the ${messageBytes} that this server takes. Send it in parts.`,
      )
    }
    return frameHeaderBytes + bytes
  }
}

/** One message with its header. */
export function framed(message: Uint8Array): Buffer {
  const frame = Buffer.allocUnsafe(frameHeaderBytes + message.length)
  frame[0] = 0
  frame.writeUInt32BE(message.length, 1)
  frame.set(message, frameHeaderBytes)
  return frame
}
