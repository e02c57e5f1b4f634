import type { EventData } from '@kurrent/kurrentdb-client'
import { type Payload, type RecordedEvent, toBytes, toText } from 'varve'
import { exactJson } from '../exact-json.ts'
import { clientIdOf } from '../kurrent/streams/kurrent-event.ts'
import { metadataType, shownMetadata } from '../kurrent/streams/metadata-text.ts'
import { binaryContentType, jsonContentType } from '../kurrent/streams/proposed-event.ts'
import { isMetadataStream } from '../kurrent/streams/stream-access.ts'
import { type Carried, withCarried } from './carried.ts'

/**
 * An event of a store as its client appends it to a KurrentDB. Readers there see the same value; what would not be the same
 * bytes, and what KurrentDB has no place for, goes along in the metadata.
 *
 * @param isHidden of metadata of a stream: whether they are the last ones, and that stream shows no event.
 */
export function eventDataOf(event: RecordedEvent, isHidden: boolean): EventData {
  const id = clientIdOf(event)
  const sent = sentData(event, isHidden)
  const isJson = sent !== undefined
  const expected = isJson ? jsonContentType : binaryContentType
  const isSame = !isJson || (sent.text === textOf(event.rawData) && !isRule(event))
  const carried: Carried = {
    time: new Date(event.recordedAtMs).toISOString(),
    ...(id !== event.id && { id: event.id }),
    ...(event.tags.length > 0 && { tags: event.tags }),
    ...(event.schemaVersion !== 1 && { schema_version: event.schemaVersion }),
    ...(event.contentType !== expected && { content_type: event.contentType }),
    ...(!isSame && { data_base64: Buffer.from(toBytes(event.rawData)).toString('base64') }),
  }
  const metadata = withCarried(event.rawMetadata, event.metadataContentType, carried)
  if (isJson) return { id, type: event.type, contentType: jsonContentType, data: sent.value as string, metadata }
  // The client takes a Buffer for an object with numbers in it.
  return {
    id,
    type: event.type,
    contentType: binaryContentType,
    data: new Uint8Array(toBytes(event.rawData)),
    metadata,
  }
}

interface SentJson {
  readonly value: unknown
  readonly text: string
}

/** The value that is sent as JSON; undefined for what goes as bytes: no JSON, or with numbers that would become others. */
function sentData(event: RecordedEvent, isHidden: boolean): SentJson | undefined {
  if (event.contentType !== jsonContentType) return undefined
  const text = textOf(isRule(event) ? shownMetadata(event.rawData, isHidden) : event.rawData)
  if (text === undefined) return undefined
  try {
    const value = isRule(event) ? rulesOf(text) : exactJson(text)
    return { value, text: JSON.stringify(value) }
  } catch {
    return undefined
  }
}

/** The largest number of 64 bits, which means a deleted stream, is no double and has to stay as it is. */
function rulesOf(text: string): unknown {
  return JSON.parse(text, (key: string, value: unknown): unknown =>
    key === '$tb' && typeof value === 'number' && value > Number.MAX_SAFE_INTEGER ? rawJson(deletedText) : value,
  )
}

const deletedText = '9223372036854775807'
const { rawJSON: rawJson } = JSON as unknown as { readonly rawJSON: (text: string) => unknown }

/** Whether an event says which events of a stream are shown, which KurrentDB has other words for. */
function isRule({ streamId, type, rawData }: RecordedEvent): boolean {
  return isMetadataStream(streamId) && type === metadataType && (textOf(rawData) ?? '').includes('"truncate_before"')
}

function textOf(payload: Payload): string | undefined {
  try {
    return toText(payload)
  } catch {
    return undefined
  }
}
