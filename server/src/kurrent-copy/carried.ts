import { type Payload, toBytes, toText } from 'varve'

/**
 * What an event of Varve has and KurrentDB has no place for travels in its metadata there, as the last key of the object.
 * Everything before that key is the metadata as they were, to the byte, so that they are so again when it is taken away.
 */
export interface Carried {
  /** When the store took the event in: KurrentDB gives every event the time of its append. */
  readonly time: string
  /** The id in the store, when clients of KurrentDB know the event by another. */
  readonly id?: string
  readonly tags?: readonly string[]
  readonly schema_version?: number
  readonly content_type?: string
  /** The data when what is sent is not the same bytes. */
  readonly data_base64?: string
  /** The metadata when they are no JSON object to which a key can be added. */
  readonly metadata_base64?: string
  readonly metadata_content_type?: string
}

const key = '"$varve":'
const jsonContentType = 'application/json'

/** Metadata of an event with what has to go along. */
export function withCarried(metadata: Payload, contentType: string, carried: Carried): Uint8Array {
  const text = contentType === jsonContentType ? objectText(metadata) : undefined
  if (text === undefined) {
    const own = {
      metadata_base64: Buffer.from(toBytes(metadata)).toString('base64'),
      ...(contentType !== jsonContentType && { metadata_content_type: contentType }),
    }
    return bytes(`{${key}${JSON.stringify({ ...carried, ...own })}}`)
  }
  const before = text === '{}' ? '{' : `${text.slice(0, -1)},`
  return bytes(`${before}${key}${JSON.stringify(carried)}}`)
}

/** The metadata as they were, and what went along; undefined when nothing did. */
export function takeCarried(
  metadata: Uint8Array,
): { readonly metadata: string; readonly carried: Carried } | undefined {
  const text = textOf(metadata)
  // In a string of JSON the key's quotation marks are escaped: the last place where it stands is the key itself.
  const at = text?.lastIndexOf(`${key}{`) ?? -1
  if (text === undefined || at < 1 || !text.endsWith('}}')) return undefined
  const carried = carriedIn(text.slice(at + key.length, -1))
  if (carried === undefined) return undefined
  const before = text.slice(0, at)
  if (before === '{') return { metadata: '{}', carried }
  return before.endsWith(',') ? { metadata: `${before.slice(0, -1)}}`, carried } : undefined
}

/** An object that is written so that a key can be put in front of its end; undefined for everything else. */
function objectText(metadata: Payload): string | undefined {
  const text = textOf(metadata)
  if (text === undefined || text.includes(key)) return undefined
  const value = parsed(text)
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return undefined
  const isExtensible = text.startsWith('{') && text.endsWith('}') && Object.keys(value).length > 0
  return text === '{}' || isExtensible ? text : undefined
}

/** Somebody else's words under this key are theirs. */
function carriedIn(text: string): Carried | undefined {
  const value = parsed(text)
  if (typeof value !== 'object' || value === null) return undefined
  const { time, id, tags, schema_version: schemaVersion, ...rest } = value as Readonly<Record<string, unknown>>
  const isTime = typeof time === 'string' && isAsWritten(time)
  const isTags = tags === undefined || (Array.isArray(tags) && tags.every((tag) => typeof tag === 'string'))
  const isVersion = schemaVersion === undefined || Number.isSafeInteger(schemaVersion)
  const texts = [id, ...textKeys.map((name) => rest[name])]
  const isText = texts.every((one) => one === undefined || typeof one === 'string')
  const isKnown = Object.keys(rest).every((name) => textKeys.includes(name))
  return isTime && isTags && isVersion && isText && isKnown ? (value as Carried) : undefined
}

/** Times as an export writes them. */
function isAsWritten(time: string): boolean {
  const ms = Date.parse(time)
  return !Number.isNaN(ms) && new Date(ms).toISOString() === time
}

const textKeys: readonly string[] = ['content_type', 'data_base64', 'metadata_base64', 'metadata_content_type']

function parsed(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

function textOf(payload: Payload): string | undefined {
  try {
    return toText(payload)
  } catch {
    return undefined
  }
}

/** Not a Buffer: the client takes metadata for bytes only when they are exactly this class. */
function bytes(text: string): Uint8Array {
  return new Uint8Array(Buffer.from(text))
}
