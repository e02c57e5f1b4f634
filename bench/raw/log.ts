import { closeSync, fdatasyncSync, openSync, writeSync } from 'node:fs'
import { setImmediate as turn } from 'node:timers/promises'
import { crc32 } from 'node:zlib'

/** Length and checksum in front of every record: a reader tells a torn end by them. */
const headerBytes = 8

/** A file that is only appended to. */
export interface RawLog {
  /** Resolves once the record is on disk. */
  append(record: Uint8Array | string): Promise<void>
  close(): void
}

/**
 * The ceiling: what appending durably costs when nothing is checked, indexed or promised. Records that arrive while a
 * batch is written go out together with the next one: one write and one fdatasync for all of them. The calls are
 * synchronous because that is faster here than two trips to the thread pool, and SQLite's are too.
 */
export function openRawLog(path: string): RawLog {
  const file = openSync(path, 'a')
  let waiting: { readonly record: Uint8Array | string; readonly resolve: () => void }[] = []
  let buffer = Buffer.alloc(1 << 20)
  let writing = false

  async function write(): Promise<void> {
    writing = true
    await undefined
    while (waiting.length > 0) {
      const batch = waiting
      waiting = []
      writeSync(file, framed(batch))
      fdatasyncSync(file)
      for (const { resolve } of batch) resolve()
      // Those just answered come back with their next record, to share the next batch.
      await turn()
    }
    writing = false
  }

  function framed(batch: typeof waiting): Uint8Array {
    const needed = batch.reduce((bytes, { record }) => bytes + headerBytes + record.length * 3, 0)
    if (needed > buffer.length) buffer = Buffer.alloc(needed * 2)
    let end = 0
    for (const { record } of batch) {
      const start = end + headerBytes
      const length = typeof record === 'string' ? buffer.write(record, start) : copy(record, start)
      buffer.writeUInt32LE(length, end)
      end = start + length
      buffer.writeUInt32LE(crc32(buffer.subarray(start, end)), start - 4)
    }
    return buffer.subarray(0, end)
  }

  function copy(record: Uint8Array, at: number): number {
    buffer.set(record, at)
    return record.length
  }

  return {
    append: (record) =>
      new Promise((resolve) => {
        waiting.push({ record, resolve })
        if (!writing) void write()
      }),
    close: () => closeSync(file),
  }
}
