import { createHash } from 'node:crypto'
import { categoryOf } from '../../model/stream.ts'
import type { Key } from './driver.ts'

/*
 * Where everything lies in the table. Each key begins with what it is about, then with the shard of the log; what follows
 * the shard is hashed where it is somebody else's text, so that partitions are even and no name is too long.
 *
 *   META                 FORMAT            the format of the table
 *   L#shard              SEALED            up to which chunk the log is indexed
 *   L#shard#bucket       position          a commit: the truth
 *   B#shard#commit       part              the body of a commit that is too large for its item
 *   S#shard#stream       version#chunk     the events of a stream in a chunk, and its state at the end of it
 *   I#shard#id           chunk             where events with such ids lie, of a log with one shard
 *   C#id                 commit            claims of commits on such ids, of a log with several
 *   T#shard#term         position          where events of a type or category, or with a tag, lie
 *   N#shard              stream            the names of streams
 *   K                    key               the shelf
 *   V#write              part              a value of the shelf that is too large for its item
 */

/** Positions in one bucket of the log: a partition of its own, so that readers of the past do not meet the writers. */
const bucketPositions = 1_048_576

/** Bytes of a sort key, and as many of a name as go into it together with a hash. */
const sortKeyBytes = 1_024
const nameBytes = 896

/** Names that differ before this byte are in order by their sort keys: a little less, since characters are kept whole. */
const groupBytes = 880

/** A number whose text sorts as it does. */
export function padded(value: number): string {
  return String(value).padStart(16, '0')
}

/** Numbers the buckets from 0. */
export function bucketOf(position: number): number {
  return Math.floor((position - 1) / bucketPositions)
}

/** The partition of a bucket of the log. */
export function logPartition(shard: number, bucket: number): string {
  return `L#${shard}#${padded(bucket)}`
}

/** Where the commit lies whose first event has this position. */
export function commitKey(shard: number, firstPosition: number): Key {
  return { pk: logPartition(shard, bucketOf(firstPosition)), sk: padded(firstPosition) }
}

/** Where it is written how far the indexes of a shard are. */
export function sealedKey(shard: number): Key {
  return { pk: `L#${shard}`, sk: 'SEALED' }
}

/** Where a part of the body of a commit lies. */
export function bodyKey(shard: number, commitId: string, part: number): Key {
  return { pk: `B#${shard}#${commitId}`, sk: padded(part) }
}

/** The partition of a stream. */
export function streamPartition(shard: number, streamId: string): string {
  return `S#${shard}#${digest(streamId)}`
}

/** The order of what a stream has: by version, and by chunk where a chunk brought a state and no event. */
export function streamSort(firstVersion: number, chunk: number): string {
  return `${padded(firstVersion)}#${padded(chunk)}`
}

/** The end of everything that begins at or before a version. */
export function streamSortUpTo(version: number): string {
  return `${padded(version)}#~`
}

/** The terms that an event is found by. */
export function termsOf(event: { streamId: string; type: string; tags: readonly string[] }): readonly string[] {
  return [typeTerm(event.type), categoryTerm(categoryOf(event.streamId)), ...event.tags.map(tagTerm)]
}

/** The term of a type. */
export function typeTerm(type: string): string {
  return `type ${type}`
}

/** The term of a category. */
export function categoryTerm(category: string): string {
  return `category ${category}`
}

/** The term of a tag. */
export function tagTerm(tag: string): string {
  return `tag ${tag}`
}

/** The partition of a term. */
export function termPartition(shard: number, term: string): string {
  return `T#${shard}#${digest(term)}`
}

/**
 * Ids that begin with a time (UUIDv7) share a partition with those of the same four seconds, and dozens of them an item;
 * any other id has an item of its own.
 */
export function isTimeOrdered(id: string): boolean {
  return id[14] === '7'
}

/** The partition of an id, of its own or with others. */
export function idPartition(shard: number, id: string): string {
  // Of the 48 bits of milliseconds, the first 36: 8 digits, a hyphen, one digit.
  return isTimeOrdered(id) ? `I#${shard}#${id.slice(0, 10)}` : `I#${shard}#${id}`
}

/** Where an id that has an item of its own lies. */
export function ownIdKey(shard: number, id: string): Key {
  return { pk: idPartition(shard, id), sk: 'ID' }
}

/** The partition of claims on an id: of its own, or with those of the same sixteen milliseconds. */
export function claimPartition(id: string): string {
  // Of the 48 bits of milliseconds, the first 44: what waits for one commit was mostly made within a few milliseconds.
  return isTimeOrdered(id) ? `C#${id.slice(0, 12)}` : `C#${id}`
}

/** Where the names of streams lie. */
export function namesPartition(shard: number): string {
  return `N#${shard}`
}

/** Where the shelf lies. */
export const shelfPartition = 'K'

/** Where a part of a large value of the shelf lies. */
export function valueKey(write: string, part: number): Key {
  return { pk: `V#${write}`, sk: padded(part) }
}

/** Where it says how the table is used. */
export const formatKey: Key = { pk: 'META', sk: 'FORMAT' }

/**
 * A name as a sort key, in the order of its UTF-8 bytes. Of a name that is too long there is the beginning and a hash:
 * names of one {@link nameGroup} are not in order among themselves, and whoever lists them sorts them.
 */
export function sortName(name: string): string {
  const start = sortStart(name)
  return start.whole ? start.text : `${start.text}\u0000${digest(name)}`
}

/** The beginning of a sort key, of whole characters, and whether it is all of the name. */
export function sortStart(
  name: string,
  bytesMax: number = nameBytes,
): { readonly text: string; readonly whole: boolean } {
  const text = encodeNul(name)
  if (text.length * 3 <= bytesMax) return { text, whole: true }
  const bytes = Buffer.from(text)
  if (bytes.length <= bytesMax) return { text, whole: true }
  let end = bytesMax
  while (((bytes[end] ?? 0) & 0xc0) === 0x80) end--
  return { text: bytes.toString('utf8', 0, end), whole: false }
}

/** Orders names by their UTF-8 bytes, as DynamoDB does, and not as JavaScript does beyond the basic plane. */
export function compareNames(left: string, right: string): number {
  return Buffer.compare(Buffer.from(left), Buffer.from(right))
}

/** The first sort key of the names that begin with a prefix. */
export function firstSort(prefix: string): string {
  return prefix === '' ? '\u0001' : sortStart(prefix).text
}

/** A sort key behind those of all names that begin with a prefix. */
export function lastSort(prefix: string): string {
  const { text } = sortStart(prefix)
  return text + '\u{10ffff}'.repeat(Math.floor((sortKeyBytes - Buffer.byteLength(text)) / 4))
}

/** A sort key at or before those of all names after a name. */
export function sortAfter(name: string): string {
  return nameGroup(name) === undefined ? firstSort(name) : sortStart(name, groupBytes - 4).text
}

/** What names have in common that may be out of order; undefined for a name that is in its place. */
export function nameGroup(name: string): string | undefined {
  const text = encodeNul(name)
  if (text.length * 3 < groupBytes) return undefined
  const bytes = Buffer.from(text)
  return bytes.length < groupBytes ? undefined : bytes.toString('latin1', 0, groupBytes)
}

/**
 * Names with a NUL are stored with U+0001 U+0001 for it and U+0001 U+0002 for U+0001, which keeps equality, prefixes and
 * order: so that U+0000 is free to stand between the beginning of a long name and its hash, below every other character.
 */
function encodeNul(name: string): string {
  if (!name.includes('\0') && !name.includes('\u0001')) return name
  return name.replaceAll('\u0001', '\u0001\u0002').replaceAll('\0', '\u0001\u0001')
}

function digest(text: string): string {
  return createHash('sha256').update(text).digest('base64url')
}
