import { RemoteFailed } from '../model/errors.ts'

/** One server-sent event (WHATWG HTML, section 9.2), without its id and retry time. */
export interface SentEvent {
  readonly event: string
  readonly data: string
}

/** Characters one event may have: the largest event in base64 beside its JSON form, with room for its envelope. */
const sentEventChars = 16_777_216

/**
 * The events of a text/event-stream body. Back-pressure reaches the server: nothing is read that was not asked for.
 * Lines end with LF or CRLF; a lone CR, which the standard also allows, no server of ours writes.
 *
 * @throws REMOTE_FAILED when one event is larger than any that a Varve server sends.
 */
export async function* sentEvents(body: AsyncIterable<Uint8Array>): AsyncGenerator<SentEvent> {
  const decoder = new TextDecoder()
  let rest = ''
  let lines: string[] = []
  let chars = 0
  for await (const bytes of body) {
    const fresh = decoder.decode(bytes, { stream: true })
    chars += fresh.length
    if (chars > sentEventChars + fresh.length) throw new RemoteFailed('A server-sent event is too large.', 200)
    const pieces = fresh.split('\n')
    pieces[0] = rest + pieces[0]
    rest = pieces.pop() ?? ''
    for (const piece of pieces) {
      const line = piece.endsWith('\r') ? piece.slice(0, -1) : piece
      if (line !== '') {
        lines.push(line)
        continue
      }
      const sent = eventFrom(lines)
      lines = []
      chars = rest.length
      if (sent !== undefined) yield sent
    }
  }
}

function eventFrom(lines: readonly string[]): SentEvent | undefined {
  let event = 'message'
  const data: string[] = []
  for (const line of lines) {
    const [, field, value = ''] = /^([^:]*)(?:: ?(.*))?$/s.exec(line) ?? []
    if (field === 'event') event = value
    if (field === 'data') data.push(value)
  }
  return data.length === 0 ? undefined : { event, data: data.join('\n') }
}
