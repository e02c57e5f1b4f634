import { type Payload, toText } from 'varve'
import { Refused } from '../refusal.ts'

/**
 * Metadata of a stream, in the words of both sides.
 *
 * KurrentDB hides the events before the revision `$tb`, and all there are now when that is the largest number of 64 bits:
 * the stream is deleted. The store hides the events before the version `truncate_before`, and an engine knows no other word.
 * So what a client writes is kept as it is, with `truncate_before` appended as the last key of the object; what it reads
 * has that key taken away again. What others wrote has a `$tb` made of their `truncate_before`.
 */

/** The type of the event that carries a stream's metadata, on both sides. */
export const metadataType = '$metadata'

/** The largest number of 64 bits with a sign. */
const deletedText = '9223372036854775807'

const suffix = /,?"truncate_before":(\d+)\}$/

/** What a stream's metadata says about reading the stream. */
export interface ReadRules {
  /** Only so many of the last events are shown. */
  readonly maxCount?: number
  /** Only events this young are shown, in seconds. */
  readonly maxAgeSeconds?: number
  /** The revision before which nothing is shown; `'deleted'` when nothing written up to now is. */
  readonly truncateBefore?: number | 'deleted'
}

/**
 * The text that is stored for a text of metadata.
 *
 * @param endVersion the version that the stream's next event will have.
 * @param isDeleted whether the stream is deleted now: then what it had stays hidden, whatever else the metadata say.
 * @throws Refused when the text is no object, or its `$tb` no revision.
 */
export function storedMetadataText(given: string, endVersion: number, isDeleted = false): string {
  const values = objectIn(given)
  if (values === undefined) throw refused('is no JSON object')
  if ('truncate_before' in values) throw refused('has the key truncate_before, which is the store’s own: use $tb')
  if (!isTruncation(values.$tb)) throw refused('has a $tb that is no revision: a whole number from 0 on')
  const before = truncationIn(values)
  if (isDeleted && before !== 'deleted') return hidingText(values, String(endVersion - 1), endVersion)
  if (before === undefined) return given
  return withSuffix(given, before === 'deleted' ? endVersion : before + 1)
}

/** The text that is stored to hide everything before `endVersion`, and otherwise says what the text before it said. */
export function deletingMetadataText(stored: Payload | undefined, endVersion: number): string {
  return hidingText(objectIn(textOf(stored ?? '{}') ?? '{}') ?? {}, deletedText, endVersion)
}

function hidingText(values: Readonly<Record<string, unknown>>, before: string, endVersion: number): string {
  const { $tb: _, truncate_before: __, ...rest } = values
  const kept = JSON.stringify(rest)
  return withSuffix(kept === '{}' ? `{"$tb":${before}}` : `{"$tb":${before},${kept.slice(1)}`, endVersion)
}

/**
 * Metadata as a client sees it.
 *
 * @param isHidden whether the stream shows no event now: its metadata then says that it is deleted, and no longer does once
 *   the stream is written again. Undefined where nobody knows, in reads of the whole store.
 */
export function shownMetadata(stored: Payload, isHidden: boolean | undefined): Payload {
  const text = textOf(stored)
  if (text === undefined || !text.includes('"truncate_before"')) return stored
  const values = objectIn(text)
  if (values === undefined) return stored
  const version = values.truncate_before
  if (typeof version !== 'number') return stored
  const said = truncationIn(values)
  const isOurs = suffix.test(text) && (said === 'deleted' ? isHidden !== false : said === version - 1)
  if (isOurs) return text.replace(suffix, '}')
  const { $tb: _, truncate_before: __, ...rest } = values
  const isDeleted = isHidden === true && (said === undefined || said === 'deleted')
  const kept = JSON.stringify(rest)
  const shown = isDeleted ? deletedText : String(version - 1)
  return kept === '{}' ? `{"$tb":${shown}}` : `{"$tb":${shown},${kept.slice(1)}`
}

/** What stored metadata says about reads. What is no number from 1 on, where one belongs, says nothing. */
export function readRulesIn(stored: Payload): ReadRules {
  const values = objectIn(textOf(stored) ?? '') ?? {}
  const { $maxCount: maxCount, $maxAge: maxAge, truncate_before: version } = values
  const said = truncationIn(values)
  const isOfClient = said !== undefined && (said === 'deleted' || said + 1 === version)
  return {
    ...(isCount(maxCount) && { maxCount }),
    ...(isCount(maxAge) && { maxAgeSeconds: maxAge }),
    ...(isOfClient && { truncateBefore: said }),
  }
}

function truncationIn({ $tb: before }: Readonly<Record<string, unknown>>): number | 'deleted' | undefined {
  if (typeof before !== 'number' || !isTruncation(before)) return undefined
  // The largest number of 64 bits is no double; whatever is beyond every revision stands for it.
  return before > Number.MAX_SAFE_INTEGER ? 'deleted' : before
}

function isTruncation(before: unknown): boolean {
  return before === undefined || before === null || (Number.isInteger(before) && (before as number) >= 0)
}

function isCount(value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) > 0
}

function withSuffix(text: string, version: number): string {
  const end = text.lastIndexOf('}')
  const isEmpty = text.slice(0, end).trimEnd().endsWith('{')
  return `${text.slice(0, end)}${isEmpty ? '' : ','}"truncate_before":${version}}`
}

function textOf(payload: Payload): string | undefined {
  try {
    return toText(payload)
  } catch {
    return undefined
  }
}

function objectIn(text: string): Readonly<Record<string, unknown>> | undefined {
  try {
    const value: unknown = JSON.parse(text)
    const isObject = typeof value === 'object' && value !== null && !Array.isArray(value)
    return isObject ? (value as Record<string, unknown>) : undefined
  } catch {
    return undefined
  }
}

function refused(problem: string): Refused {
  return new Refused({ kind: 'bad_request', problem: `The metadata of a stream ${problem}.` })
}
