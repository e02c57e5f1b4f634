import type { FastifyReply } from 'fastify'

/** Aborts when the client has gone, so that nobody works for nobody. */
export function untilGone(reply: FastifyReply): AbortSignal {
  const gone = new AbortController()
  reply.raw.once('close', () => gone.abort(new Error('The client has gone.')))
  return gone.signal
}
