import type { RecordedEvent } from '../model/event.ts'
import type { Payload } from '../model/payload.ts'

const mention = /sha256:([0-9a-f]{64})/g
/** A character written as JSON's `\u0041`, with one backslash more for each time the text was quoted again. */
const escaped = /\\+u00([2-7][0-9a-f])/gi

/**
 * The digests that an event names: anywhere in its payload, metadata and tags.
 *
 * Texts are searched, nothing is parsed. So a claim counts wherever it stands (in JSON of any shape, in JSON quoted inside
 * of JSON, in a payload that is no valid JSON), and no event can stop a collection. What only a key or a program makes
 * readable, as an encrypted field or a compressed payload, names nothing.
 */
export function digestsNamedBy({ rawData, rawMetadata, tags }: RecordedEvent): ReadonlySet<string> {
  const digests = new Set<string>()
  for (const text of [textOf(rawData), textOf(rawMetadata), ...tags]) {
    gather(text, digests)
    // Serialisers may escape any character, so that a text that names a digest does not show it.
    if (text.includes('\\u00') || text.includes('\\U00')) gather(text.replace(escaped, unescaped), digests)
  }
  return digests
}

function gather(text: string, digests: Set<string>): void {
  if (!text.includes('sha256:')) return
  for (const [, digest = ''] of text.matchAll(mention)) digests.add(digest)
}

function unescaped(_: string, code: string): string {
  return String.fromCharCode(Number.parseInt(code, 16))
}

/** Bytes as one character each: what is looked for is ASCII, and nothing needs to be valid for it. */
function textOf(payload: Payload): string {
  if (typeof payload === 'string') return payload
  return Buffer.from(payload.buffer, payload.byteOffset, payload.byteLength).toString('latin1')
}
