/**
 * ASN.1 in its distinguished encoding (ITU-T X.690), as much of it as certificates are made of: a tag, a length, the contents.
 */

/** An element of this tag with these contents. */
export function element(tag: number, ...contents: readonly Uint8Array[]): Buffer {
  const content = Buffer.concat(contents)
  return Buffer.concat([Buffer.from([tag]), lengthOf(content.length), content])
}

function lengthOf(bytes: number): Buffer {
  if (bytes < 0x80) return Buffer.from([bytes])
  const hex = bytes.toString(16)
  const length = Buffer.from(hex.length % 2 === 0 ? hex : `0${hex}`, 'hex')
  return Buffer.concat([Buffer.from([0x80 | length.length]), length])
}

/** Members in their order. */
export const sequence = (...members: readonly Uint8Array[]): Buffer => element(0x30, ...members)

/** A set of one. */
export const setOf = (member: Uint8Array): Buffer => element(0x31, member)

/** Bytes. */
export const octets = (content: Uint8Array): Buffer => element(0x04, content)

/** Text. */
export const utf8 = (text: string): Buffer => element(0x0c, Buffer.from(text))

/** True; what is false is left out. */
export const truth = (): Buffer => element(0x01, Buffer.from([0xff]))

/** A member with a tag of its own in its context, which wraps an element or is one. */
export const tagged = (number: number, ...contents: readonly Uint8Array[]): Buffer =>
  element(0xa0 | number, ...contents)

/** A member with a tag of its own in its context instead of that of its type. */
export const implicit = (number: number, content: Uint8Array): Buffer => element(0x80 | number, content)

/** A whole number from 0 on, big-endian: a leading zero keeps it from being taken for one below 0. */
export function integer(value: number | Uint8Array): Buffer {
  const given = typeof value === 'number' ? Buffer.from([value]) : Buffer.from(value)
  const first = given.findIndex((octet) => octet !== 0)
  const least = first < 0 ? Buffer.from([0]) : given.subarray(first)
  return element(0x02, (least[0] ?? 0) >= 0x80 ? Buffer.from([0]) : Buffer.alloc(0), least)
}

/** Bits, of which the last octet may leave some unused. */
export function bits(content: Uint8Array, unused = 0): Buffer {
  return element(0x03, Buffer.from([unused]), content)
}

/** An object identifier, as in `2.5.29.17`. */
export function objectId(dotted: string): Buffer {
  const [first = 0, second = 0, ...rest] = dotted.split('.').map(Number)
  return element(0x06, Buffer.from([first * 40 + second, ...rest.flatMap(base128)]))
}

function base128(arc: number): readonly number[] {
  const groups = [arc & 0x7f]
  for (let left = arc >>> 7; left > 0; left >>>= 7) groups.unshift((left & 0x7f) | 0x80)
  return groups
}

/** A time, to the second: in two digits of the year up to 2049, in four from then on (RFC 5280, section 4.1.2.5). */
export function time(ms: number): Buffer {
  const text = `${new Date(ms).toISOString().replaceAll(/[-:T]/g, '').slice(0, 14)}Z`
  return Number(text.slice(0, 4)) < 2050 ? element(0x17, Buffer.from(text.slice(2))) : element(0x18, Buffer.from(text))
}
