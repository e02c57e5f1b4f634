import { Readable } from 'node:stream'
import type { FastifyReply, FastifyRequest } from 'fastify'
import { untilGone } from './until-gone.ts'

/** The media type of one JSON object a line. */
export const linesType = 'application/x-ndjson'

/** Characters gathered before they are handed to the socket: a write for every event would cost more than reading it. */
const chunkChars = 65_536

/** Whether a client asks for lines instead of a page. */
export function wantsLines({ headers }: FastifyRequest): boolean {
  return headers.accept?.includes(linesType) ?? false
}

/**
 * Answers with everything that a reader gives, one object a line, however much that is. Nothing is read that the
 * client does not drain; a failure on the way, or a right that is withdrawn, cuts the answer off, which clients see as an
 * incomplete body.
 *
 * @param read reads until its signal aborts.
 */
export async function sendLines<Item>(
  request: FastifyRequest,
  reply: FastifyReply,
  read: (signal: AbortSignal) => AsyncIterable<Item>,
  lineOf: (item: Item) => object,
): Promise<FastifyReply> {
  const { access, ask } = request
  const signal = access.whileAllowed(ask, untilGone(reply))
  const chunks = chunksOf(read(signal), lineOf, ask)
  // What is refused is refused here, as a problem document, before the first line.
  const first = await chunks.next()
  async function* all(): AsyncGenerator<string> {
    if (first.done !== true) yield first.value
    yield* chunks
  }
  // A client that does not drain is let go as well.
  return reply.type(linesType).send(Readable.from(all(), { objectMode: false, signal }))
}

async function* chunksOf<Item>(
  items: AsyncIterable<Item>,
  lineOf: (item: Item) => object,
  ask: FastifyRequest['ask'],
): AsyncGenerator<string> {
  let chunk = ''
  for await (const item of items) {
    chunk += `${JSON.stringify(lineOf(item))}\n`
    if (chunk.length < chunkChars) continue
    await ask()
    yield chunk
    chunk = ''
  }
  if (chunk !== '') yield chunk
}
