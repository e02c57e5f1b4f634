import { createHash } from 'node:crypto'
import type { BlobStore } from 'varve'

/** The digest that a blob of these bytes has. */
export function digestOf(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex')
}

/** Bytes that are in no other blob of a test. */
export function bytesNamed(name: string, length: number = 100): Uint8Array {
  return new Uint8Array(Buffer.alloc(length, `${name} `))
}

/** Bytes in chunks, as a source that fills one buffer again and again gives them. */
export async function* inChunks(bytes: Uint8Array, chunkBytes: number): AsyncGenerator<Uint8Array> {
  const buffer = new Uint8Array(chunkBytes)
  for (let from = 0; from < bytes.byteLength; from += chunkBytes) {
    const length = Math.min(chunkBytes, bytes.byteLength - from)
    buffer.set(bytes.subarray(from, from + length))
    yield buffer.subarray(0, length)
  }
}

/** Everything an iteration gives, as one. */
export async function gathered(chunks: AsyncIterable<Uint8Array>): Promise<Uint8Array> {
  return new Uint8Array(Buffer.concat(await itemsOf(chunks)))
}

/** Everything an iteration gives, in a list. */
export async function itemsOf<Item>(items: AsyncIterable<Item>): Promise<Item[]> {
  const all: Item[] = []
  for await (const item of items) all.push(item)
  return all
}

/** What a store lists, by digest and sorted. */
export async function listed(blobs: BlobStore): Promise<readonly string[]> {
  const lines = (await itemsOf(blobs.list())).map(({ digest, isSetAside }) => digest + (isSetAside ? ' aside' : ''))
  return lines.sort()
}
