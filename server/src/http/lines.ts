import { Readable } from 'node:stream'
import type { FastifyReply, FastifyRequest } from 'fastify'
import { type EventReader, toEnvelope } from 'varve'

/** The media type of one envelope a line. */
export const linesType = 'application/x-ndjson'

/** Characters gathered before they are handed to the socket: a write for every event would cost more than reading it. */
const chunkChars = 65_536

/** Whether a client asks for lines instead of a page. */
export function wantsLines({ headers }: FastifyRequest): boolean {
  return headers.accept?.includes(linesType) ?? false
}

/**
 * Answers with everything that a reader gives, one envelope a line, however much that is. Nothing is read that the
 * client does not drain; a failure on the way cuts the answer off, which clients see as an incomplete body.
 */
export async function sendLines(reply: FastifyReply, events: EventReader): Promise<FastifyReply> {
  const chunks = chunksOf(events)
  // What is refused is refused here, as a problem document, before the first line.
  const first = await chunks.next()
  async function* all(): AsyncGenerator<string> {
    if (first.done !== true) yield first.value
    yield* chunks
  }
  return reply.type(linesType).send(Readable.from(all(), { objectMode: false }))
}

async function* chunksOf(events: EventReader): AsyncGenerator<string> {
  let chunk = ''
  for await (const event of events) {
    chunk += `${JSON.stringify(toEnvelope(event))}\n`
    if (chunk.length < chunkChars) continue
    yield chunk
    chunk = ''
  }
  if (chunk !== '') yield chunk
}
