import { createHash } from 'node:crypto'
import { type BlobEntry, type BlobStore, claimCheck } from 'varve'
import { describe, expect, it } from 'vitest'

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

/** What every blob store promises, whatever it keeps blobs in. */
export function keepsBlobs(name: string, open: () => Promise<BlobStore>): void {
  describe(`${name} as a blob store`, () => {
    storesBytes(open)
    refuses(open)
    setsAside(open)
  })
}

function storesBytes(open: () => Promise<BlobStore>): void {
  it.each([
    ['nothing', 0, 10],
    ['one byte', 1, 10],
    ['a chunk', 65_536, 65_536],
    ['many chunks of odd sizes', 1_000_003, 7_919],
    ['chunks that are larger than what is held in memory', 9_000_000, 5_000_000],
  ])('gives back %s, under its digest', async (_, length, chunkBytes) => {
    const blobs = await open()
    const bytes = bytesNamed('blob', length)
    expect(await blobs.put(inChunks(bytes, chunkBytes))).toEqual({ digest: digestOf(bytes), bytes: length })
    expect(Buffer.compare(await gathered(blobs.get(digestOf(bytes))), bytes)).toBe(0)
  })

  it('stores equal bytes once, and makes them young again', async () => {
    const blobs = await open()
    const { digest } = await blobs.put(inChunks(bytesNamed('twice'), 10))
    const [before] = await itemsOf(blobs.list())
    await until(async () => {
      await blobs.put(inChunks(bytesNamed('twice'), 33))
      const [after, ...more] = await itemsOf(blobs.list())
      expect(more).toEqual([])
      expect(after).toMatchObject({ digest, bytes: 100, isSetAside: false })
      return (after as BlobEntry).sinceMs > (before as BlobEntry).sinceMs
    })
  })

  it('takes the same bytes from many at once', async () => {
    const blobs = await open()
    const bytes = bytesNamed('crowd', 200_000)
    await Promise.all(Array.from({ length: 8 }, () => blobs.put(inChunks(bytes, 30_000))))
    expect(await listed(blobs)).toEqual([digestOf(bytes)])
    expect(Buffer.compare(await gathered(blobs.get(digestOf(bytes))), bytes)).toBe(0)
  })

  it('stores nothing of content that breaks off, and hands on its error', async () => {
    const blobs = await open()
    const broken = new Error('the upload broke off')
    const content = async function* (): AsyncGenerator<Uint8Array> {
      yield bytesNamed('half')
      throw broken
    }
    await expect(blobs.put(content())).rejects.toBe(broken)
    expect(await listed(blobs)).toEqual([])
    expect(await blobs.removeUnfinished(Number.MAX_SAFE_INTEGER)).toBe(0)
  })

  it('keeps what a claim check checks in', async () => {
    const claims = claimCheck(await open())
    const claim = await claims.check(bytesNamed('claimed', 300_000), { contentType: 'text/plain' })
    expect(Buffer.compare(await claims.redeem(claim), bytesNamed('claimed', 300_000))).toBe(0)
  })
}

function refuses(open: () => Promise<BlobStore>): void {
  it('says what is missing', async () => {
    const blobs = await open()
    const missing = gathered(blobs.get(digestOf(bytesNamed('never'))))
    await expect(missing).rejects.toMatchObject({ code: 'BLOB_MISSING', digest: digestOf(bytesNamed('never')) })
  })

  it.each(['../../etc/passwd', '', `${'a'.repeat(63)}/`, 'A'.repeat(64), `${'a'.repeat(64)}\n`])(
    'refuses %j as a digest',
    async (digest) => {
      const blobs = await open()
      const refused = { code: 'INVALID_ARGUMENT', argument: 'digest' }
      await expect(async () => gathered(blobs.get(digest))).rejects.toMatchObject(refused)
      await expect(blobs.setAside(digest)).rejects.toMatchObject(refused)
      await expect(blobs.restore(digest)).rejects.toMatchObject(refused)
      await expect(blobs.remove(digest)).rejects.toMatchObject(refused)
    },
  )
}

function setsAside(open: () => Promise<BlobStore>): void {
  it('still reads what is set aside, and lists it as such', async () => {
    const blobs = await open()
    const { digest } = await blobs.put(inChunks(bytesNamed('aside'), 10))
    await blobs.setAside(digest)
    expect(await gathered(blobs.get(digest))).toEqual(bytesNamed('aside'))
    expect(await listed(blobs)).toEqual([`${digest} aside`])
    await blobs.restore(digest)
    expect(await listed(blobs)).toEqual([digest])
  })

  it('removes only what is set aside', async () => {
    const blobs = await open()
    const { digest } = await blobs.put(inChunks(bytesNamed('gone'), 10))
    await blobs.remove(digest)
    expect(await listed(blobs)).toEqual([digest])
    await blobs.setAside(digest)
    await blobs.put(inChunks(bytesNamed('gone'), 10))
    await blobs.remove(digest)
    expect(await listed(blobs)).toEqual([digest])
    await blobs.setAside(digest)
    await blobs.remove(digest)
    expect(await listed(blobs)).toEqual([])
    await expect(gathered(blobs.get(digest))).rejects.toMatchObject({ code: 'BLOB_MISSING' })
  })

  it('changes nothing about blobs that are not there', async () => {
    const blobs = await open()
    const digest = digestOf(bytesNamed('never'))
    await blobs.setAside(digest)
    await blobs.restore(digest)
    await blobs.remove(digest)
    expect(await listed(blobs)).toEqual([])
  })

  it('has a blob readable at every moment while it is moved to and fro', async () => {
    const blobs = await open()
    const { digest } = await blobs.put(inChunks(bytesNamed('moving'), 10))
    let isOver = false
    const moving = (async () => {
      for (let round = 0; round < 20; round++) {
        await blobs.setAside(digest)
        await blobs.restore(digest)
      }
      isOver = true
    })()
    while (!isOver) expect(await gathered(blobs.get(digest))).toEqual(bytesNamed('moving'))
    await moving
  })
}

/** Clocks of file systems and of servers step by a second or less. */
async function until(holds: () => Promise<boolean>): Promise<void> {
  for (;;) if (await holds()) return
}
