import { constants, type IncomingHttpHeaders, type ServerHttp2Stream } from 'node:http2'
import { type Access, noAccess } from '../../auth/access.ts'
import { type Assembling, type FrameLimits, FrameReader } from './frames.ts'
import { CallFailed, type StatusName, statusTrailers, type Trailers } from './status.ts'

/** One call as its handler sees it. */
export interface Call {
  readonly headers: IncomingHttpHeaders
  /** What the client may do. */
  readonly access: Access
  /** Where the client is, as in `10.0.0.7:50123`. */
  readonly peer: string
  /** Aborts when the client has gone, cancelled, or waits no longer. */
  readonly signal: AbortSignal
  /**
   * Lets the client's kernel hear something at once. A client that sends its message apart from the headers, with Nagle's
   * algorithm on, waits until these are acknowledged, which a kernel with nothing to send puts off.
   */
  acknowledge(): void
  /**
   * The messages of the client in order, those that came together in one list; ends when it has sent its last one. They
   * are views of what was received: whoever keeps one copies it.
   */
  batches(): AsyncIterable<readonly Buffer[]>
  /**
   * Sends messages that have their frames. The bytes belong to the call from then on.
   *
   * @returns a promise when the client does not keep up: nothing more should be sent until it resolves.
   */
  send(frames: Uint8Array): Promise<void> | undefined
}

/** Answers a call: resolves for OK, rejects for every other status. */
export type Handler = (call: Call) => Promise<void>

const headersOfAnswer = {
  ':status': 200,
  'content-type': 'application/grpc',
  'grpc-accept-encoding': 'identity',
} as const

/** What HTTP/2 allows a window to be (RFC 9113, section 6.9.1). */
const windowBytesMax = 2_147_483_647

/** What a call is made of. */
export interface CallParts {
  readonly stream: ServerHttp2Stream
  readonly headers: IncomingHttpHeaders
  readonly limits: FrameLimits
  readonly assembling: Assembling
  /** Resolves when everything that is ready to run has run once. */
  readonly turn: () => Promise<void>
}

/** A call over one stream of HTTP/2. */
export class StreamCall implements Call {
  readonly headers: IncomingHttpHeaders
  readonly peer: string
  readonly signal: AbortSignal
  /** Nobody's until it is known who has sent the call, before its handler runs. */
  access: Access = noAccess
  readonly #stream: ServerHttp2Stream
  readonly #reader: FrameReader
  readonly #turn: () => Promise<void>
  readonly #gone = new AbortController()

  constructor({ stream, headers, limits, assembling, turn }: CallParts) {
    this.headers = headers
    this.peer = peerOf(stream)
    this.signal = this.#gone.signal
    this.#stream = stream
    this.#turn = turn
    this.#reader = new FrameReader(limits, assembling)
    stream.once('close', () => {
      this.#reader.close()
      this.giveUp(new CallFailed('cancelled', 'The client has gone.'))
    })
    // What goes wrong with a stream closes it, which is heard above.
    stream.on('error', () => undefined)
  }

  /** Tells the handler to stop, and why. */
  giveUp(reason: CallFailed): void {
    this.#gone.abort(reason)
  }

  /**
   * By more room for what the connection sends, an octet each time: the headers of the answer would do as well, but a call
   * that fails before its first message has none (a "Trailers-Only" answer), and some clients fail only then where the call
   * is made. Headers it is after two thousand million calls, when the room is as large as it can be.
   */
  acknowledge(): void {
    const { session } = this.#stream
    if (session === undefined || session.destroyed || this.#isOver) return
    const { effectiveLocalWindowSize = windowBytesMax } = session.state
    if (effectiveLocalWindowSize < windowBytesMax) session.setLocalWindowSize(effectiveLocalWindowSize + 1)
    else this.#begin()
  }

  #begin(): void {
    if (!this.#stream.headersSent) this.#stream.respond(headersOfAnswer, { waitForTrailers: true })
  }

  async *batches(): AsyncGenerator<readonly Buffer[]> {
    for await (const chunk of this.#stream.iterator({ destroyOnReturn: false })) {
      const messages = this.#reader.push(chunk)
      if (messages.length > 0) yield messages
    }
    this.signal.throwIfAborted()
    if (!this.#reader.isBetweenMessages) {
      throw new CallFailed('invalidArgument', 'The client stopped in the middle of a message.')
    }
  }

  send(frames: Uint8Array): Promise<void> | undefined {
    this.signal.throwIfAborted()
    // A reset is known to the stream a little before it is told.
    if (this.#isOver) throw new CallFailed('cancelled', 'The client has gone.')
    this.#begin()
    return this.#stream.write(frames) ? undefined : this.#drained()
  }

  /** Ends the call. Without a message sent before, the status is all there is to send. */
  end(status: StatusName, message = '', trailers: Trailers = {}): void {
    const stream = this.#stream
    if (this.#isOver) return
    const sent = statusTrailers(status, message, trailers)
    if (!stream.headersSent) {
      stream.respond({ ...headersOfAnswer, ...sent }, { endStream: true })
      void this.#stopListening()
      return
    }
    stream.once('wantTrailers', () => {
      if (this.#isOver) return
      stream.sendTrailers(sent)
      void this.#stopListening()
    })
    stream.end()
  }

  /**
   * Whoever goes on sending is told to stop (RFC 9113, section 8.1), and is not listened to until it does; but only when
   * the end of the answer is on its way, which a reset would overtake.
   */
  async #stopListening(): Promise<void> {
    const stream = this.#stream
    if (stream.readableEnded) return
    stream.resume()
    await this.#turn()
    stream.close(constants.NGHTTP2_NO_ERROR)
  }

  /** Whether Node throws at whoever sends something. */
  get #isOver(): boolean {
    return this.#stream.destroyed || this.#stream.closed
  }

  #drained(): Promise<void> {
    return new Promise((resolve, reject) => {
      const stream = this.#stream
      const { signal } = this
      const settle = (): void => {
        stream.off('drain', settle)
        signal.removeEventListener('abort', settle)
        if (signal.aborted) reject(signal.reason)
        else resolve()
      }
      stream.once('drain', settle)
      signal.addEventListener('abort', settle)
    })
  }
}

function peerOf({ session }: ServerHttp2Stream): string {
  const { remoteAddress = '', remotePort = 0 } = session?.socket ?? {}
  return `${remoteAddress.includes(':') ? `[${remoteAddress}]` : remoteAddress}:${remotePort}`
}
