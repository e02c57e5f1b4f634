import { PutObjectCommand, S3Client } from '@aws-sdk/client-s3'
import { afterAll, afterEach, beforeAll, describe, expect, it, test } from 'vitest'
import { bytesNamed, digestOf, gathered, inChunks, itemsOf, listed } from '../../../test/blobs/bytes.ts'
import { type Asked, type Fate, type S3Server, startS3 } from '../../../test/blobs/s3-server.ts'
import { blobStoreConformance } from '../conformance/index.ts'
import { claimCheck } from './claim-check.ts'
import { type S3Blobs, s3Blobs } from './s3-blobs.ts'

const credentials = { accessKeyId: 'any', secretAccessKey: 'any' }
let server: S3Server
let prefixes = 0
beforeAll(async () => {
  server = await startS3()
})
afterAll(() => server.close())
afterEach(() => {
  server.fate = () => 'passes'
})

const silent = { debug: nothing, info: nothing, warn: nothing, error: nothing }
function nothing(): void {}

/** For a client of a server that is silent. Any other has no timeouts: a machine may take longer over a good answer. */
function timeoutsFor(fate: Fate): object {
  if (fate !== 'hangs' && fate !== 'stalls') return {}
  return { requestHandler: { connectionTimeout: 300, socketTimeout: 300 } }
}

/** A client that asks once, so that what the store itself does is seen. */
function impatient(options: object = {}): S3Client {
  const { endpoint } = server
  return new S3Client({
    endpoint,
    region: 'eu-west-1',
    credentials,
    forcePathStyle: true,
    maxAttempts: 1,
    logger: silent,
    ...options,
  })
}

function fresh(client: S3Client = impatient({ maxAttempts: 3 }), prefix: number = prefixes++): S3Blobs {
  return s3Blobs({ bucket: server.bucket, prefix: `case-${prefix}`, client })
}

/** Lets the first requests of a method meet a fate. */
function first(times: number, method: string, fate: Fate): (asked: Asked) => Fate {
  let left = times
  return (asked) => (asked.method === method && left-- > 0 ? fate : 'passes')
}

describe('blobs in S3', () =>
  blobStoreConformance({
    test,
    open: () => {
      const [blobs, beside] = [fresh(), fresh(impatient({ maxAttempts: 3 }), prefixes - 1)]
      return { blobs, openBeside: () => beside }
    },
  }))

describe('blobs in S3', () => {
  it('lie under their digests, with their checksum', async () => {
    const blobs = s3Blobs({ bucket: server.bucket, prefix: 'shop/scans', client: impatient() })
    server.asked.length = 0
    const { digest } = await blobs.put(inChunks(bytesNamed('one'), 7))
    expect(server.asked.map(({ method, path }) => `${method} ${path.split('?')[0]}`)).toEqual([
      `PUT /${server.bucket}/shop/scans/blobs/${digest}`,
    ])
  })

  it('are listed over many pages, and without what others have put between them', { timeout: 120_000 }, async () => {
    const blobs = fresh(impatient())
    const all = await Promise.all(
      Array.from({ length: 1_050 }, (_, n) => blobs.put(inChunks(bytesNamed(`n${n}`), 100))),
    )
    await s3Blobs({ bucket: server.bucket, prefix: `case-${prefixes - 1}/blobs/notes`, client: impatient() }).put(
      inChunks(bytesNamed('foreign'), 100),
    )
    expect(await listed(blobs)).toEqual(all.map(({ digest }) => digest).sort())
  })

  it('are not sent again when they are large and there already, and are young all the same', async () => {
    const blobs = fresh()
    const bytes = bytesNamed('film', 9_000_000)
    await blobs.put(inChunks(bytes, 1_000_000))
    const [before] = await itemsOf(blobs.list())
    server.asked.length = 0
    await blobs.put(inChunks(bytes, 1_000_000))
    expect(server.asked.map(({ method }) => method)).toEqual(['HEAD', 'PUT'])
    const [after] = await itemsOf(blobs.list())
    expect(after?.sinceMs).toBeGreaterThan(before?.sinceMs ?? Number.NaN)
    expect(digestOf(await gathered(blobs.get(digestOf(bytes))))).toBe(digestOf(bytes))
  })
})

describe('over a bad road to S3', () => {
  it.each<[Fate, number]>([
    ['is throttled', 50],
    ['fails', 50],
    ['loses its answer', 50],
    ['hangs', 50],
    ['is throttled', 9_000_000],
    ['fails', 9_000_000],
    ['loses its answer', 9_000_000],
    ['hangs', 9_000_000],
  ])('a put that %s is repeated, with %i bytes', { timeout: 60_000 }, async (fate, length) => {
    const blobs = fresh(impatient({ maxAttempts: 6, ...timeoutsFor(fate) }))
    const bytes = bytesNamed(fate, length)
    server.fate = first(2, 'PUT', fate)
    expect(await blobs.put(inChunks(bytes, 1_000_000))).toEqual({ digest: digestOf(bytes), bytes: length })
    expect(digestOf(await gathered(blobs.get(digestOf(bytes))))).toBe(digestOf(bytes))
  })

  it.each<Fate>(['is throttled', 'fails', 'loses its answer', 'hangs'])(
    'a call of which every request %s is BLOBS_UNAVAILABLE',
    { timeout: 60_000 },
    async (fate) => {
      const blobs = fresh(impatient(timeoutsFor(fate)))
      const { digest } = await fresh(impatient(), prefixes - 1).put(inChunks(bytesNamed('there'), 7))
      server.fate = () => fate
      const unavailable = { code: 'BLOBS_UNAVAILABLE', retryable: true, blobs: blobs.name }
      await expect(blobs.put(inChunks(bytesNamed('more'), 7))).rejects.toMatchObject(unavailable)
      await expect(gathered(blobs.get(digest))).rejects.toMatchObject(unavailable)
      await expect(itemsOf(blobs.list())).rejects.toMatchObject(unavailable)
      await expect(blobs.setAside(digest)).rejects.toMatchObject(unavailable)
      await expect(blobs.restore(digest)).rejects.toMatchObject(unavailable)
    },
  )

  it.each<Fate>(['is cut', 'stalls'])('an answer that %s in the middle is BLOBS_UNAVAILABLE, no blob', async (fate) => {
    const unlucky = claimCheck(fresh(impatient(timeoutsFor(fate))))
    const claims = claimCheck(fresh(impatient(), prefixes - 1))
    const claim = await claims.check(bytesNamed('long', 3_000_000))
    server.fate = first(1, 'GET', fate)
    await expect(unlucky.redeem(claim)).rejects.toMatchObject({ code: 'BLOBS_UNAVAILABLE' })
    expect(digestOf(await claims.redeem(claim))).toBe(claim.claim.slice(7))
  })

  it('a move that is cut off between copy and delete is done by the next one', async () => {
    const blobs = fresh(impatient())
    const { digest } = await blobs.put(inChunks(bytesNamed('moving'), 7))
    server.fate = first(1, 'DELETE', 'fails')
    await expect(blobs.setAside(digest)).rejects.toMatchObject({ code: 'BLOBS_UNAVAILABLE' })
    expect(await listed(blobs)).toEqual([digest, `${digest} aside`])
    await blobs.setAside(digest)
    expect(await listed(blobs)).toEqual([`${digest} aside`])
  })

  it('nothing is waited for once the signal aborts', async () => {
    const blobs = fresh(impatient())
    const controller = new AbortController()
    const reason = new Error('enough')
    server.fate = () => {
      setImmediate(() => controller.abort(reason))
      return 'hangs'
    }
    const { signal } = controller
    await expect(blobs.put(inChunks(bytesNamed('any'), 7), { signal })).rejects.toBe(reason)
    await expect(gathered(blobs.get(digestOf(bytesNamed('any')), { signal }))).rejects.toBe(reason)
    await expect(itemsOf(blobs.list({ signal }))).rejects.toBe(reason)
  })

  it.each([
    ['with a checksum of its own', undefined],
    ['with the checksum it should have', 'kept'],
  ])('other bytes under the name of a blob are BLOB_CORRUPT, %s', async (_, checksum) => {
    const blobs = fresh()
    const claims = claimCheck(blobs)
    const claim = await claims.check(bytesNamed('right'))
    const Key = `case-${prefixes - 1}/blobs/${claim.claim.slice(7)}`
    const ChecksumSHA256 = checksum && Buffer.from(claim.claim.slice(7), 'hex').toString('base64')
    const wrong = { Bucket: server.bucket, Key, Body: bytesNamed('wrong'), ...(ChecksumSHA256 && { ChecksumSHA256 }) }
    await impatient().send(new PutObjectCommand(wrong))
    await expect(claims.redeem(claim)).rejects.toMatchObject({ code: 'BLOB_CORRUPT' })
  })
})

describe('a bucket', () => {
  it('that does not exist is BLOBS_FAILED, for reading too', async () => {
    const blobs = s3Blobs({ bucket: 'nowhere', client: impatient() })
    const failed = { code: 'BLOBS_FAILED', message: expect.stringContaining('does not exist') }
    await expect(blobs.put(inChunks(bytesNamed('any'), 7))).rejects.toMatchObject(failed)
    await expect(gathered(blobs.get(digestOf(bytesNamed('any'))))).rejects.toMatchObject(failed)
    await expect(itemsOf(blobs.list())).rejects.toMatchObject(failed)
  })

  it('is reached by a client of its own, which ends with it', async () => {
    Object.assign(process.env, { AWS_ACCESS_KEY_ID: 'any', AWS_SECRET_ACCESS_KEY: 'any' })
    const blobs = s3Blobs({ bucket: server.bucket, endpoint: server.endpoint, region: 'eu-west-1', prefix: 'own' })
    const claims = claimCheck(blobs)
    expect(await claims.redeem(await claims.check(bytesNamed('own')))).toEqual(bytesNamed('own'))
    await blobs.close()
    await blobs.close()
    await expect(claims.check(bytesNamed('own'))).rejects.toMatchObject({ code: 'STORE_CLOSED' })
  })

  it.each([
    [{ bucket: '' }, 'bucket'],
    [{ bucket: 'a/b' }, 'bucket'],
    [{ bucket: 'a', prefix: '/b' }, 'prefix'],
    [{ bucket: 'a', region: 'eu-west-1', client: { send: async () => undefined } }, 'client'],
  ])('is not %j', (options, argument) => {
    expect(() => s3Blobs(options)).toThrow(expect.objectContaining({ code: 'INVALID_ARGUMENT', argument }))
  })
})
