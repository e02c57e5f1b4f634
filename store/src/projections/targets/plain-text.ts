import { InvalidArgument } from '../../model/errors.ts'

/**
 * Plain data as text: equal texts are equal data, in whatever order maps, sets and objects were filled. What JSON has is
 * written as JSON, with the keys of objects sorted.
 *
 * @throws INVALID_ARGUMENT for what is no plain data, or contains itself.
 */
export function plainText(value: unknown): string {
  return written(value, [])
}

/** Texts in the order of their UTF-8 bytes, which is not JavaScript's. */
export function byBytes(left: string, right: string): number {
  return Buffer.compare(Buffer.from(left), Buffer.from(right))
}

function written(value: unknown, around: readonly object[]): string {
  if (typeof value === 'string') return JSON.stringify(value)
  if (typeof value === 'bigint') return `${value}n`
  if (typeof value === 'number') return Object.is(value, -0) ? '-0' : String(value)
  if (value === null || value === undefined || typeof value === 'boolean') return String(value)
  if (typeof value !== 'object') throw unwritten(`a ${typeof value}`)
  if (around.includes(value)) throw unwritten('something that contains itself')
  const inside = [...around, value]
  const write = (item: unknown): string => written(item, inside)
  if (Array.isArray(value)) return `[${Array.from(value, write).join(',')}]`
  if (value instanceof Map) return `Map{${sorted([...value].map(([key, item]) => `${write(key)}:${write(item)}`))}}`
  if (value instanceof Set) return `Set{${sorted([...value].map(write))}}`
  if (value instanceof Date) return `Date(${value.getTime()})`
  if (ArrayBuffer.isView(value)) return hex(value.constructor.name, value.buffer, value.byteOffset, value.byteLength)
  if (value instanceof ArrayBuffer) return hex('ArrayBuffer', value, 0, value.byteLength)
  const prototype: unknown = Object.getPrototypeOf(value)
  if (prototype !== Object.prototype && prototype !== null) throw unwritten(`an instance of ${value.constructor?.name}`)
  return `{${sorted(Object.entries(value).map(([key, item]) => `${JSON.stringify(key)}:${write(item)}`))}}`
}

function sorted(texts: readonly string[]): string {
  return texts.toSorted(byBytes).join(',')
}

function hex(name: string, buffer: ArrayBufferLike, offset: number, length: number): string {
  return `${name}(${Buffer.from(buffer, offset, length).toString('hex')})`
}

function unwritten(what: string): InvalidArgument {
  return new InvalidArgument('entries', `is missing: the read model holds ${what}, so give a function that lists it`)
}
