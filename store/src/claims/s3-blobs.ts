/**
 * Blobs as objects of an S3 bucket, or of any store that speaks S3. `<prefix>blobs/<digest>` is a blob,
 * `<prefix>set-aside/<digest>` one that a collection has set aside.
 *
 * - A blob is one PutObject with its length and SHA-256, which the store checks: it is there whole or not at all. Content is
 *   read to its end first, because its name is its digest.
 * - Nothing is written on condition that it is absent: another put of the same name has the same bytes.
 * - A move is a copy, then a delete. Cut off in between it leaves both, which is one blob all the same.
 */

import type { Clock } from '../engine/clock.ts'
import { systemClock, systemRandom } from '../engine/system-clock.ts'
import { BlobMissing } from '../model/blob-errors.ts'
import { isDigest } from '../model/claim.ts'
import { InvalidArgument, isVarveError, StoreClosed } from '../model/errors.ts'
import { fieldsOf, refuseUnknownOptions } from '../model/known-fields.ts'
import type { BlobEntry, BlobStore } from './blob-store.ts'
import { checkDigest } from './digest.ts'
import type { S3ClientLike } from './s3-client.ts'
import { createClient, importDriver, type S3Objects, s3Objects } from './s3-objects.ts'
import { type Spooled, spool } from './spool.ts'

const optionFields = fieldsOf<S3BlobsOptions>({
  bucket: true,
  prefix: true,
  client: true,
  region: true,
  endpoint: true,
  pathStyle: true,
  clock: true,
})

export type { S3ClientLike } from './s3-client.ts'

/** Options of {@link s3Blobs}. */
export interface S3BlobsOptions {
  readonly bucket: string
  /** What all keys begin with, as in `shop/`; a `/` is added where it lacks one. Default: nothing. */
  readonly prefix?: string | undefined
  /**
   * An `S3Client` of yours, with your credentials, retries and timeouts; it stays yours to close. Default: one of its own,
   * with what the environment says, which gives up on a silent server after 30 seconds and tries 5 times.
   */
  readonly client?: S3ClientLike | undefined
  /** Of a client of its own. Default: what the environment says. */
  readonly region?: string | undefined
  /** Of a client of its own: the URL of a store that is not AWS. Default: AWS. */
  readonly endpoint?: string | undefined
  /** Of a client of its own. True: buckets are paths instead of host names. Default: true when `endpoint` is given. */
  readonly pathStyle?: boolean | undefined
  /** Default: the machine's clock, for pauses between attempts. */
  readonly clock?: Clock | undefined
}

/** A blob store that holds connections. */
export interface S3Blobs extends BlobStore, AsyncDisposable {
  /** Closes the connections of a client of its own. Closing twice is fine. */
  close(): Promise<void>
}

/**
 * Keeps blobs in a bucket of S3, or of any store that speaks S3. Needs the package `@aws-sdk/client-s3`; DRIVER_MISSING from
 * the first call says so.
 *
 * @throws INVALID_ARGUMENT. Nothing is opened before the first call.
 */
export function s3Blobs(options: S3BlobsOptions): S3Blobs {
  refuseUnknownOptions(options, optionFields, 's3Blobs')
  const { bucket, clock = systemClock } = options
  refuseOptions(options)
  const prefix = options.prefix === undefined || options.prefix === '' ? '' : options.prefix.replace(/\/*$/, '/')
  const name = `s3://${bucket}/${prefix}`
  const keyIn = (folder: Folder, digest: string): string => {
    checkDigest(digest)
    return `${prefix}${folder}/${digest}`
  }
  let opened: Promise<Opened> | undefined
  let isClosed = false
  const objects = async (): Promise<S3Objects> => {
    if (isClosed) throw new StoreClosed(`The blob store ${name}`)
    opened ??= open(options, name)
    return (await opened).objects
  }
  const move = async (digest: string, from: Folder, to: Folder, signal: AbortSignal | undefined): Promise<void> => {
    const [source, target] = [keyIn(from, digest), keyIn(to, digest)]
    if (await (await objects()).copy(source, target, signal)) await (await objects()).remove(source, signal)
  }
  const close = async (): Promise<void> => {
    isClosed = true
    // Where opening failed there is nothing to close, and whoever called was told.
    const { end } = (await opened?.catch(() => undefined)) ?? {}
    end?.()
  }
  return {
    name,
    put: async (content, { signal } = {}) => {
      const bucket = await objects()
      await using spooled = await spool(content)
      const { digest, bytes } = spooled
      await store(bucket, keyIn('blobs', digest), spooled, { clock, signal })
      return { digest, bytes }
    },
    get: (digest, { signal } = {}) => {
      const keys = [keyIn('blobs', digest), keyIn('set-aside', digest)]
      return { [Symbol.asyncIterator]: () => chunksOf(objects, keys, signal, () => new BlobMissing(digest, name)) }
    },
    list: ({ signal } = {}) => ({
      [Symbol.asyncIterator]: async function* () {
        yield* listed(await objects(), `${prefix}set-aside/`, signal)
        yield* listed(await objects(), `${prefix}blobs/`, signal)
      },
    }),
    setAside: async (digest, { signal } = {}) => move(digest, 'blobs', 'set-aside', signal),
    restore: async (digest, { signal } = {}) => move(digest, 'set-aside', 'blobs', signal),
    remove: async (digest, { signal } = {}) => {
      const key = keyIn('set-aside', digest)
      await (await objects()).remove(key, signal)
    },
    // A put is whole or not at all.
    removeUnfinished: async () => 0,
    close,
    [Symbol.asyncDispose]: close,
  }
}

type Folder = 'blobs' | 'set-aside'

interface Opened {
  readonly objects: S3Objects
  readonly end: () => void
}

async function open({ bucket, client, region, endpoint, pathStyle }: S3BlobsOptions, name: string): Promise<Opened> {
  const driver = await importDriver()
  if (client !== undefined) return { objects: s3Objects(driver, client, bucket, name), end: () => undefined }
  const own = createClient(driver, { region, endpoint, pathStyle: pathStyle ?? endpoint !== undefined })
  return { objects: s3Objects(driver, own, bucket, name), end: () => own.destroy() }
}

interface Patience {
  readonly clock: Clock
  readonly signal: AbortSignal | undefined
}

/** Attempts to send a file: the driver repeats only what it holds in memory. */
const attemptsMax = 5
/** The longest pause after the first attempt; it doubles with each. */
const pauseMs = 200

async function store(objects: S3Objects, key: string, spooled: Spooled, { clock, signal }: Patience): Promise<void> {
  if (spooled.held !== undefined) return objects.put(key, { ...spooled, body: spooled.held }, signal)
  for (let attempt = 1; ; attempt++) {
    try {
      return await storeFile(objects, key, spooled, signal)
    } catch (error) {
      if (attempt === attemptsMax || !isVarveError(error, 'BLOBS_UNAVAILABLE')) throw error
    }
    await clock.sleep(systemRandom() * pauseMs * 2 ** (attempt - 1), signal)
    signal?.throwIfAborted()
  }
}

/** A blob that is there already is copied onto itself, which makes it young, instead of being sent once more. */
async function storeFile(
  objects: S3Objects,
  key: string,
  spooled: Spooled,
  signal: AbortSignal | undefined,
): Promise<void> {
  if ((await objects.bytesOf(key, signal)) === spooled.bytes && (await objects.copy(key, key, signal))) return
  const body = spooled.stream()
  try {
    await objects.put(key, { ...spooled, body }, signal)
  } finally {
    body.destroy()
  }
}

/** Looked for more than once, because a blob may move between the looks. */
async function* chunksOf(
  objects: () => Promise<S3Objects>,
  keys: readonly string[],
  signal: AbortSignal | undefined,
  missing: () => BlobMissing,
): AsyncGenerator<Uint8Array> {
  for (const key of [...keys, ...keys, ...keys]) {
    const chunks = await (await objects()).get(key, signal)
    if (chunks !== undefined) return yield* chunks
  }
  throw missing()
}

async function* listed(objects: S3Objects, folder: string, signal: AbortSignal | undefined): AsyncGenerator<BlobEntry> {
  for await (const { key, bytes, sinceMs } of objects.list(folder, signal)) {
    const digest = key.slice(folder.length)
    // Objects that others have put here are none of ours.
    if (isDigest(digest)) yield { digest, bytes, sinceMs, isSetAside: folder.endsWith('set-aside/') }
  }
}

function refuseOptions({ bucket, prefix, client, region, endpoint, pathStyle }: S3BlobsOptions): void {
  if (typeof bucket !== 'string' || bucket === '' || bucket.includes('/')) {
    throw new InvalidArgument('bucket', 'is not the name of a bucket; what keys begin with is the prefix')
  }
  if (prefix !== undefined && (typeof prefix !== 'string' || prefix.startsWith('/'))) {
    throw new InvalidArgument('prefix', 'is not the beginning of keys, as in shop/')
  }
  if (client !== undefined && [region, endpoint, pathStyle].some((given) => given !== undefined)) {
    throw new InvalidArgument('client', 'knows region, endpoint and pathStyle by itself: give either it or them')
  }
}
