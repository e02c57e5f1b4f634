import type { ServerResponse } from 'node:http'
import type { FastifyReply } from 'fastify'
import { AccessRefused } from '../auth/access.ts'

/** Aborts when the client has gone, so that nobody works for nobody. */
export function untilGone(reply: FastifyReply): AbortSignal {
  const gone = new AbortController()
  reply.raw.once('close', () => gone.abort(new Error('The client has gone.')))
  return gone.signal
}

/** What an answer that went on for long has failed with: what ended it, and not the words of whatever was waited for. */
export function endOf(signal: AbortSignal, error: unknown): unknown {
  return signal.reason instanceof AccessRefused ? signal.reason : error
}

/** Ends an answer. A client that may have nothing more and does not take what it has been sent is let go. */
export function endAnswer(response: ServerResponse, signal: AbortSignal, lastWords?: string): void {
  if (signal.reason instanceof AccessRefused && response.writableNeedDrain) response.destroy()
  else response.end(lastWords)
}
