import { type ClientHttp2Session, type ClientHttp2Stream, connect, type OutgoingHttpHeaders } from 'node:http2'

/** How a call ended, and what came before. */
export interface RawAnswer {
  /** Of gRPC; undefined when the call ended without one. */
  readonly status: number | undefined
  readonly message: string
  readonly trailers: Readonly<Record<string, unknown>>
  readonly responses: readonly Buffer[]
}

/** A connection that speaks gRPC in its barest form, and wrongly when a test wants it to. */
export interface RawClient extends AsyncDisposable {
  readonly session: ClientHttp2Session
  /** Opens a call. The frames are the caller's business. */
  open(path: string, headers?: OutgoingHttpHeaders): ClientHttp2Stream
  /** Sends these messages and waits for the end. */
  call(path: string, messages: readonly Uint8Array[], headers?: OutgoingHttpHeaders): Promise<RawAnswer>
}

/** Connects to a server. */
export function rawClient(url: string): RawClient {
  const session = connect(url)
  session.on('error', () => undefined)
  const open = (path: string, headers: OutgoingHttpHeaders = {}): ClientHttp2Stream => {
    const stream = session.request({
      ':method': 'POST',
      ':path': path,
      'content-type': 'application/grpc',
      te: 'trailers',
      ...headers,
    })
    stream.on('error', () => undefined)
    return stream
  }
  return {
    session,
    open,
    call: (path, messages, headers) => {
      const stream = open(path, headers)
      const answer = answerOf(stream)
      stream.end(Buffer.concat(messages.map(frame)))
      return answer
    },
    [Symbol.asyncDispose]: async () => session.destroy(),
  }
}

/** A message with its header. */
export function frame(message: Uint8Array): Buffer {
  const header = Buffer.alloc(5)
  header.writeUInt32BE(message.length, 1)
  return Buffer.concat([header, message])
}

/** Listens to a call until it ends. */
export function answerOf(stream: ClientHttp2Stream): Promise<RawAnswer> {
  return new Promise((resolve) => {
    const received: Buffer[] = []
    let trailers: Record<string, unknown> = {}
    stream.on('response', (headers) => {
      trailers = { ...headers }
    })
    stream.on('trailers', (headers) => {
      trailers = { ...trailers, ...headers }
    })
    stream.on('data', (chunk: Buffer) => received.push(chunk))
    stream.on('close', () => {
      const { 'grpc-status': status, 'grpc-message': message = '' } = trailers
      resolve({
        status: status === undefined ? undefined : Number(status),
        message: decodeURIComponent(String(message)),
        trailers,
        responses: messagesIn(Buffer.concat(received)),
      })
    })
  })
}

/** The messages in these bytes. */
export function messagesIn(bytes: Buffer): readonly Buffer[] {
  const messages: Buffer[] = []
  for (let at = 0; at < bytes.length; ) {
    const end = at + 5 + bytes.readUInt32BE(at + 1)
    messages.push(bytes.subarray(at + 5, end))
    at = end
  }
  return messages
}
