import { getEventListeners } from 'node:events'
import { describe, expect, it } from 'vitest'
import { bytesNamed, digestOf, gathered, inChunks, itemsOf } from '../../../test/blobs/bytes.ts'
import { memory } from '../engines/memory/index.ts'
import type { Claim } from '../model/claim.ts'
import { isClaim } from '../model/claim.ts'
import type { RecordedEvent } from '../model/event.ts'
import { limits } from '../model/limits.ts'
import { openStore } from '../open-store.ts'
import type { BlobStore } from './blob-store.ts'
import { claimCheck } from './claim-check.ts'
import { memoryBlobs } from './memory-blobs.ts'

const bytes = bytesNamed('claim', 200_000)

/** A blob store that gives other bytes than it was given. */
function liar(given: Uint8Array): BlobStore {
  return { ...memoryBlobs(), get: () => inChunks(given, 1_000) }
}

describe('checking in', () => {
  it('gives a claim that is plain JSON and says what the bytes are', async () => {
    const claim = await claimCheck(memoryBlobs()).check(bytes, { contentType: 'application/pdf' })
    expect(claim).toEqual({ claim: `sha256:${digestOf(bytes)}`, bytes: 200_000, contentType: 'application/pdf' })
    expect(JSON.parse(JSON.stringify(claim))).toEqual(claim)
    expect(isClaim(claim)).toBe(true)
  })

  it('gives one claim for equal bytes, whole or in chunks', async () => {
    const claims = claimCheck(memoryBlobs())
    expect(await claims.check(inChunks(bytes, 7_001))).toEqual(await claims.check(bytes))
  })

  it('keeps the bytes it was given, even if the caller changes its buffer meanwhile', async () => {
    const claims = claimCheck(memoryBlobs())
    const own = new Uint8Array(bytes)
    const checking = claims.check(own)
    own.fill(0, 0, 60_000)
    const claim = await checking
    expect(digestOf(await claims.redeem(claim))).toBe(claim.claim.slice(7))
  })

  it.each([
    ['text', 'a text'],
    ['nothing', undefined],
    ['an object', {}],
    [
      'text in chunks',
      (async function* () {
        yield 'text'
      })(),
    ],
  ])('refuses %s as bytes', async (_, content) => {
    const refused = claimCheck(memoryBlobs()).check(content as Uint8Array)
    await expect(refused).rejects.toMatchObject({ code: 'INVALID_ARGUMENT', argument: 'content' })
  })

  it.each([[undefined], [{}]])('refuses %j as a blob store', (blobs) => {
    const refusal = expect.objectContaining({ code: 'INVALID_ARGUMENT', argument: 'blobs' })
    expect(() => claimCheck(blobs as never)).toThrowError(refusal)
  })

  it.each([
    ['', 'INVALID_ARGUMENT'],
    [7, 'INVALID_ARGUMENT'],
    ['a'.repeat(256), 'LIMIT_EXCEEDED'],
  ])('refuses %j as a content type', async (contentType, code) => {
    const refused = claimCheck(memoryBlobs()).check(bytes, { contentType: contentType as string })
    await expect(refused).rejects.toMatchObject({ code })
  })

  it('refuses more bytes than the limit as soon as they are too many', async () => {
    const chunk = { __proto__: Uint8Array.prototype, byteLength: limits.blobBytes }
    let pulled = 0
    const content = async function* (): AsyncGenerator<Uint8Array> {
      for (;;) {
        pulled++
        yield chunk as unknown as Uint8Array
      }
    }
    const blobs: BlobStore = {
      ...memoryBlobs(),
      put: async (chunks) => ({ digest: '', bytes: await lengthOf(chunks) }),
    }
    const refused = { code: 'LIMIT_EXCEEDED', limit: 'blobBytes', message: expect.stringContaining('several blobs') }
    await expect(claimCheck(blobs).check(content())).rejects.toMatchObject(refused)
    expect(pulled).toBe(2)
  })

  it('gives up when its signal aborts, though the source hangs', async () => {
    const controller = new AbortController()
    const content = async function* (): AsyncGenerator<Uint8Array> {
      yield bytes
      controller.abort(new Error('enough'))
      await new Promise(() => undefined)
    }
    const waiting = claimCheck(memoryBlobs()).check(content(), { signal: controller.signal })
    await expect(waiting).rejects.toThrow('enough')
    expect(getEventListeners(controller.signal, 'abort')).toEqual([])
  })

  it('starts nothing when its signal has aborted', async () => {
    const blobs = memoryBlobs()
    await expect(claimCheck(blobs).check(bytes, { signal: AbortSignal.abort(new Error('late')) })).rejects.toThrow(
      'late',
    )
    expect(await itemsOf(blobs.list())).toEqual([])
  })
})

describe('an event over the limit', () => {
  it('is refused with the way out, and the way out works', async () => {
    await using store = openStore({ engine: memory() })
    const large = new Uint8Array(limits.eventBytes + 1)
    const refused = store.append('Doc-1', [{ type: 'Uploaded', data: large }])
    await expect(refused).rejects.toMatchObject({
      code: 'PAYLOAD_TOO_LARGE',
      message: expect.stringContaining('claimCheck()'),
    })
    const claims = claimCheck(memoryBlobs())
    await store.append('Doc-1', [{ type: 'Uploaded', data: { file: await claims.check(large) } }])
    const [uploaded] = (await store.readStream('Doc-1').toArray()) as [RecordedEvent<string, { file: Claim }>]
    expect(Buffer.compare(await claims.redeem(uploaded.data.file), large)).toBe(0)
  })
})

describe('redeeming', () => {
  it('reads anew at each use of a stream', async () => {
    const claims = claimCheck(memoryBlobs())
    const stream = claims.stream(await claims.check(bytes))
    expect(digestOf(await gathered(stream))).toBe(digestOf(bytes))
    expect(digestOf(await gathered(stream))).toBe(digestOf(bytes))
  })

  it('refuses other bytes than were checked in', async () => {
    const claim = await claimCheck(memoryBlobs()).check(bytes)
    for (const wrong of [bytesNamed('clAim', 200_000), bytes.subarray(1), new Uint8Array(200_001), new Uint8Array(0)]) {
      await expect(claimCheck(liar(wrong)).redeem(claim)).rejects.toMatchObject({ code: 'BLOB_CORRUPT' })
      await expect(gathered(claimCheck(liar(wrong)).stream(claim))).rejects.toMatchObject({ code: 'BLOB_CORRUPT' })
    }
  })

  it('says which blob is missing, and where', async () => {
    const claim = await claimCheck(memoryBlobs()).check(bytes)
    const missing = { code: 'BLOB_MISSING', digest: digestOf(bytes), blobs: 'memory' }
    await expect(claimCheck(memoryBlobs()).redeem(claim)).rejects.toMatchObject(missing)
  })

  it.each([
    undefined,
    'sha256:abc',
    { claim: `sha256:${'../'.repeat(20)}aaaa`, bytes: 1, contentType: 'a' },
    { claim: `sha256:${'A'.repeat(64)}`, bytes: 1, contentType: 'a' },
    { claim: `sha256:${'a'.repeat(64)}`, bytes: -1, contentType: 'a' },
    { claim: `sha256:${'a'.repeat(64)}`, bytes: 1.5, contentType: 'a' },
    { claim: `sha256:${'a'.repeat(64)}`, bytes: 1 },
  ])('refuses what is no claim: %j', async (claim) => {
    const claims = claimCheck(memoryBlobs())
    expect(isClaim(claim)).toBe(false)
    await expect(claims.redeem(claim as Claim)).rejects.toMatchObject({ code: 'INVALID_ARGUMENT', argument: 'claim' })
    expect(() => claims.stream(claim as Claim)).toThrow(/claim/)
  })

  it('takes no more into memory than the limit, whatever a claim says', async () => {
    const claim: Claim = { claim: `sha256:${'a'.repeat(64)}`, bytes: limits.redeemBytes + 1, contentType: 'a' }
    const refused = { code: 'LIMIT_EXCEEDED', limit: 'redeemBytes', message: expect.stringContaining('stream()') }
    await expect(claimCheck(memoryBlobs()).redeem(claim)).rejects.toMatchObject(refused)
  })

  it('gives up when its signal aborts', async () => {
    const claims = claimCheck(memoryBlobs())
    const claim = await claims.check(bytes)
    await expect(claims.redeem(claim, { signal: AbortSignal.abort(new Error('late')) })).rejects.toThrow('late')
  })
})

async function lengthOf(chunks: AsyncIterable<Uint8Array>): Promise<number> {
  let length = 0
  for await (const chunk of chunks) length += chunk.byteLength
  return length
}
