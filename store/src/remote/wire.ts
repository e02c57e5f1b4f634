import type { AppendRequest } from '../engine/engine.ts'
import { givenTags } from '../model/correlation.ts'
import type { EventToStore } from '../model/event.ts'
import { type Payload, toBytes } from '../model/payload.ts'
import type { NormalQuery } from '../model/query.ts'

/** The time of an event that gets the server's when it arrives there: one clock for the whole log. */
export const serverTime: number = Number.NaN

/** The body of an append: all of its streams in one transaction. */
export function appendBody({ events, checks, condition }: AppendRequest): string {
  const expected = new Map(checks.map((check) => [check.streamId, check.expectedVersion]))
  const streams = new Map<string, string[]>()
  for (const event of events) {
    const texts = streams.get(event.streamId)
    if (texts === undefined) streams.set(event.streamId, [eventText(event)])
    else texts.push(eventText(event))
  }
  // Streams that are only checked come last, so that positions stay in the order given.
  for (const streamId of expected.keys()) if (!streams.has(streamId)) streams.set(streamId, [])
  const writes = [...streams].map(([streamId, texts]) => {
    const version = expected.get(streamId)
    const check = version === undefined ? '' : `,"expected_version":${JSON.stringify(version)}`
    return `{"stream_id":${JSON.stringify(streamId)},"events":[${texts.join(',')}]${check}}`
  })
  const guard =
    condition === undefined
      ? ''
      : `,"condition":${JSON.stringify({ fail_if_match: wireQuery(condition.failIfMatch), after: condition.after })}`
  return `{"writes":[${writes.join(',')}]${guard}}`
}

/** A query as servers take it. */
export function wireQuery(query: NormalQuery): unknown {
  if (query === 'everything') return query
  return query.map(({ types, tags, categories, streamPrefix }) => ({
    ...(types.length > 0 && { types }),
    ...(tags.length > 0 && { tags }),
    ...(categories.length > 0 && { categories }),
    ...(streamPrefix !== '' && { stream_prefix: streamPrefix }),
  }))
}

function eventText(event: EventToStore): string {
  const { recordedAtMs, metadataContentType } = event
  // The server adds its own tag to what it stores.
  const tags = givenTags(event.tags)
  const data = field('data', event.data)
  const metadata = field('metadata', event.metadata)
  const fields = {
    event_id: event.id,
    event_type: event.type,
    content_type: event.contentType,
    ...(event.schemaVersion !== 1 && { schema_version: event.schemaVersion }),
    ...(tags.length > 0 && { tags }),
    ...(!Number.isNaN(recordedAtMs) && { timestamp: new Date(recordedAtMs).toISOString() }),
    ...(!metadata.isPlain && { metadata_content_type: metadataContentType }),
  }
  return `${JSON.stringify(fields).slice(0, -1)},${data.text},${metadata.text}}`
}

/** Payloads that are text are JSON, and go in as they are. */
function field(name: string, payload: Payload): { readonly text: string; readonly isPlain: boolean } {
  if (typeof payload === 'string' && isPlain(payload)) return { text: `"${name}":${payload}`, isPlain: true }
  return { text: `"${name}_base64":"${Buffer.from(toBytes(payload)).toString('base64')}"`, isPlain: false }
}

/**
 * Text that would not be written the same again once the server parsed it goes as bytes: `1e400`, `1.0`, more digits
 * than a double holds. `JSON.rawJSON`, or a `toJSON` that gives one, makes it. Looking is cheap beside a request.
 */
function isPlain(json: string): boolean {
  return json === '{}' || JSON.stringify(JSON.parse(json)) === json
}
