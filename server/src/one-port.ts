import type { Server, Socket } from 'node:net'
import { TLSSocket, Server as TlsServer } from 'node:tls'

/** What every connection of HTTP/2 begins with, and no request of HTTP/1.1 (RFC 9113, section 3.4). */
const preface = Buffer.from('PRI')

/** Two protocols on one port. */
export interface OnePortParts {
  /** The server of HTTP/1.1, which listens. */
  readonly front: Server
  /** Serves a connection of HTTP/2. */
  readonly http2: (socket: Socket) => void
  /** How long a connection may say nothing before it is closed, in milliseconds. */
  readonly silenceMs: number
  /** Aborts when the server shuts down. */
  readonly closing: AbortSignal
}

/**
 * Hands each connection of a server of HTTP/1.1 on by what it begins with. Connections under TLS that have agreed on a protocol
 * already (ALPN, RFC 7301) go straight to whom they are for.
 */
export function shareThePort({ front, http2, silenceMs, closing }: OnePortParts): void {
  const event = front instanceof TlsServer ? 'secureConnection' : 'connection'
  const takers = front.listeners(event)
  const http1 = (socket: Socket): void => {
    for (const take of takers) take.call(front, socket)
  }
  const undecided = new Set<Socket>()
  front.removeAllListeners(event)
  front.on(event, (socket: Socket) => {
    if (closing.aborted) return socket.destroy()
    const agreed = socket instanceof TLSSocket ? socket.alpnProtocol : false
    if (agreed === 'h2') return http2(socket)
    if (agreed === 'http/1.1') return http1(socket)
    undecided.add(socket)
    decide(socket, silenceMs, (isHttp2) => {
      undecided.delete(socket)
      if (closing.aborted || socket.destroyed) socket.destroy()
      else if (isHttp2 === false) http1(socket)
      else if (isHttp2 === true) {
        // A session listens to what lies beneath the socket, where an end that the socket has heard is not heard again.
        socket.once('end', () => socket.destroy())
        http2(socket)
      }
    })
  })
  closing.addEventListener('abort', () => {
    for (const socket of undecided) socket.destroy()
  })
}

/** Looks at the first octets and leaves them where they were; undefined when the connection ended before. */
function decide(socket: Socket, silenceMs: number, decided: (isHttp2: boolean | undefined) => void): void {
  let head: Buffer = Buffer.alloc(0)
  const look = (): void => {
    const chunk: Buffer | null = socket.read()
    if (chunk === null) return
    head = Buffer.concat([head, chunk])
    const isBegun = head.subarray(0, preface.length).equals(preface.subarray(0, head.length))
    if (isBegun && head.length < preface.length) return
    finish(isBegun)
  }
  const end = (): void => finish(undefined)
  const drop = (): void => {
    socket.destroy()
  }
  const finish = (isHttp2: boolean | undefined): void => {
    socket.off('readable', look).off('end', end).off('close', end).off('error', drop).off('timeout', drop)
    socket.setTimeout(0)
    if (isHttp2 === undefined) socket.destroy()
    else socket.unshift(head)
    decided(isHttp2)
  }
  socket.on('readable', look).on('end', end).on('close', end).on('error', drop).on('timeout', drop)
  socket.setTimeout(silenceMs)
}
