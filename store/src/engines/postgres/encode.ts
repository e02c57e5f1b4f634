import { encodeName } from './names.ts'

/**
 * Arrays in PostgreSQL's binary form (src/backend/utils/adt/arrayfuncs.c, array_recv): the driver sends a buffer as it
 * is. As text every payload would be escaped here and parsed there, which costs more than the insert of the row.
 */
const oid = { bytea: 17, int8: 20, int4: 23, text: 25, uuid: 2950 } as const

const headerBytes = 20

/** Undefined becomes null; names and texts must be free of NUL. */
export function textArray(values: readonly (string | undefined)[]): Buffer {
  let size = headerBytes
  for (const value of values) size += 4 + (value === undefined ? 0 : value.length * 3)
  const buffer = header(oid.text, values.length, size)
  let at = headerBytes
  for (const value of values) {
    if (value === undefined) {
      at = buffer.writeInt32BE(-1, at)
      continue
    }
    const written = buffer.write(value, at + 4, 'utf8')
    buffer.writeInt32BE(written, at)
    at += 4 + written
  }
  return buffer.subarray(0, at)
}

/** Names as they are stored. */
export function nameArray(values: readonly (string | undefined)[]): Buffer {
  return textArray(values.map((value) => value && encodeName(value)))
}

/** Bytes; undefined becomes null. */
export function byteArray(values: readonly (Uint8Array | undefined)[]): Buffer {
  const size = values.reduce((sum, value) => sum + 4 + (value?.byteLength ?? 0), headerBytes)
  const buffer = header(oid.bytea, values.length, size)
  let at = headerBytes
  for (const value of values) {
    at = buffer.writeInt32BE(value?.byteLength ?? -1, at)
    if (value === undefined) continue
    buffer.set(value, at)
    at += value.byteLength
  }
  return buffer
}

/** UUIDs in their canonical form. */
export function uuidArray(values: readonly string[]): Buffer {
  const buffer = header(oid.uuid, values.length, headerBytes + values.length * 20)
  let at = headerBytes
  for (const value of values) {
    at = buffer.writeInt32BE(16, at)
    for (const part of value.split('-')) at += buffer.write(part, at, 'hex')
  }
  return buffer
}

/** Whole numbers of 32 bits. */
export function intArray(values: readonly number[]): Buffer {
  const buffer = header(oid.int4, values.length, headerBytes + values.length * 8)
  let at = headerBytes
  for (const value of values) {
    at = buffer.writeInt32BE(4, at)
    at = buffer.writeInt32BE(value, at)
  }
  return buffer
}

/** Safe whole numbers; undefined becomes null. */
export function bigintArray(values: readonly (number | undefined)[]): Buffer {
  const buffer = header(oid.int8, values.length, headerBytes + values.length * 12)
  let at = headerBytes
  for (const value of values) {
    if (value === undefined) {
      at = buffer.writeInt32BE(-1, at)
      continue
    }
    at = buffer.writeInt32BE(8, at)
    at = buffer.writeInt32BE(Math.floor(value / 0x1_0000_0000), at)
    at = buffer.writeUInt32BE(value >= 0 ? value % 0x1_0000_0000 : value >>> 0, at)
  }
  return buffer.subarray(0, at)
}

/** None of these arrays may be empty: an array without elements has another header, and null says the same. */
function header(elementOid: number, length: number, size: number): Buffer {
  const buffer = Buffer.allocUnsafe(size)
  buffer.writeInt32BE(1, 0)
  buffer.writeInt32BE(1, 4)
  buffer.writeInt32BE(elementOid, 8)
  buffer.writeInt32BE(length, 12)
  buffer.writeInt32BE(1, 16)
  return buffer
}
