import type { Readable } from 'node:stream'
import { BlobCorrupt } from '../model/blob-errors.ts'
import { DriverMissing } from '../model/errors.ts'
import type { S3ClientLike } from './s3-client.ts'
import { isNoObject, isPassing, translatedS3 } from './s3-errors.ts'

type Driver = typeof import('@aws-sdk/client-s3')

/** Where a client of our own connects to. */
export interface S3Place {
  readonly region: string | undefined
  readonly endpoint: string | undefined
  readonly pathStyle: boolean
}

/** An object as a listing has it. */
export interface S3Object {
  readonly key: string
  readonly bytes: number
  readonly sinceMs: number
}

/** Bytes to put, all about them known. */
export interface S3Content {
  readonly digest: string
  readonly bytes: number
  readonly body: Uint8Array | Readable
}

/** The objects of one bucket; `undefined` or `false` is the answer when one is not there. */
export interface S3Objects {
  put(key: string, content: S3Content, signal: AbortSignal | undefined): Promise<void>
  get(key: string, signal: AbortSignal | undefined): Promise<AsyncIterable<Uint8Array> | undefined>
  bytesOf(key: string, signal: AbortSignal | undefined): Promise<number | undefined>
  /** Also onto itself, which makes an object young again. */
  copy(from: string, to: string, signal: AbortSignal | undefined): Promise<boolean>
  remove(key: string, signal: AbortSignal | undefined): Promise<void>
  list(prefix: string, signal: AbortSignal | undefined): AsyncIterable<S3Object>
}

/** Objects on a page of a listing: as many as S3 gives. */
const pageObjects = 1_000

/** How an own client gives up: the driver's own default waits for ever. */
const patience = { connectionTimeout: 5_000, socketTimeout: 30_000 }
const attemptsMax = 5

/** The driver tells the console of what is repeated here anyway. */
const silent = { debug: ignore, info: ignore, warn: ignore, error: ignore }
function ignore(): void {}

/** A client of our own. */
export function createClient(
  { S3Client }: Driver,
  { region, endpoint, pathStyle }: S3Place,
): InstanceType<Driver['S3Client']> {
  return new S3Client({
    ...(region !== undefined && { region }),
    ...(endpoint !== undefined && { endpoint }),
    forcePathStyle: pathStyle,
    maxAttempts: attemptsMax,
    requestHandler: patience,
    logger: silent,
    // Every blob brings its SHA-256 and is verified by it; a second checksum would only cost time, and some stores refuse it.
    requestChecksumCalculation: 'WHEN_REQUIRED',
    responseChecksumValidation: 'WHEN_REQUIRED',
  })
}

/**
 * The package that speaks S3.
 *
 * @throws DRIVER_MISSING
 */
export async function importDriver(): Promise<Driver> {
  try {
    return await import('@aws-sdk/client-s3')
  } catch (error) {
    throw new DriverMissing(
      'The @aws-sdk/client-s3 package',
      'Install it beside varve: npm install @aws-sdk/client-s3',
      {
        cause: error,
      },
    )
  }
}

/** The objects of a bucket, through any client. */
export function s3Objects(driver: Driver, client: S3ClientLike, Bucket: string, name: string): S3Objects {
  async function sent<Answer>(command: unknown, signal: AbortSignal | undefined): Promise<Answer | undefined> {
    try {
      return (await client.send(command as never, signal && { abortSignal: signal })) as Answer
    } catch (error) {
      signal?.throwIfAborted()
      if (isNoObject(error)) return undefined
      throw translatedS3(error, name)
    }
  }
  return {
    put: async (Key, { digest, bytes, body }, signal) => {
      const ChecksumSHA256 = Buffer.from(digest, 'hex').toString('base64')
      const ContentType = 'application/octet-stream'
      const input = { Bucket, Key, Body: body, ContentLength: bytes, ContentType, ChecksumSHA256 }
      await sent(new driver.PutObjectCommand(input), signal)
    },
    get: async (Key, signal) => {
      const answer = await sent<{ Body?: unknown }>(new driver.GetObjectCommand({ Bucket, Key }), signal)
      return answer && bodyOf(answer.Body as AsyncIterable<Uint8Array>, { key: Key, name, signal })
    },
    bytesOf: async (Key, signal) => {
      const answer = await sent<{ ContentLength?: number }>(new driver.HeadObjectCommand({ Bucket, Key }), signal)
      return answer?.ContentLength
    },
    copy: async (from, Key, signal) => {
      const CopySource = [Bucket, ...from.split('/')].map(encodeURIComponent).join('/')
      // A copy onto itself is refused unless it replaces something.
      const replacing = from === Key && {
        MetadataDirective: 'REPLACE' as const,
        ContentType: 'application/octet-stream',
      }
      return (await sent(new driver.CopyObjectCommand({ Bucket, Key, CopySource, ...replacing }), signal)) !== undefined
    },
    remove: async (Key, signal) => {
      await sent(new driver.DeleteObjectCommand({ Bucket, Key }), signal)
    },
    list: async function* (Prefix, signal) {
      let ContinuationToken: string | undefined
      do {
        const input = {
          Bucket,
          Prefix,
          MaxKeys: pageObjects,
          ...(ContinuationToken !== undefined && { ContinuationToken }),
        }
        const page = await sent<ListedPage>(new driver.ListObjectsV2Command(input), signal)
        for (const { Key = '', Size = 0, LastModified } of page?.Contents ?? []) {
          if (LastModified !== undefined) yield { key: Key, bytes: Size, sinceMs: LastModified.getTime() }
        }
        ContinuationToken = page?.NextContinuationToken
      } while (ContinuationToken !== undefined)
    },
  }
}

interface ListedPage {
  readonly Contents?: readonly { readonly Key?: string; readonly Size?: number; readonly LastModified?: Date }[]
  readonly NextContinuationToken?: string
}

interface Source {
  readonly key: string
  readonly name: string
  readonly signal: AbortSignal | undefined
}

async function* bodyOf(body: AsyncIterable<Uint8Array>, { key, name, signal }: Source): AsyncGenerator<Uint8Array> {
  try {
    yield* body
  } catch (error) {
    signal?.throwIfAborted()
    // A client may compare bytes with the checksum that came along; of all that a body can fail with,
    // only that has no code and no name of its own.
    if (error instanceof Error && !('code' in error) && !('$metadata' in error) && !isPassing(error)) {
      throw new BlobCorrupt(key.slice(key.lastIndexOf('/') + 1), name, error.message, { cause: error })
    }
    throw translatedS3(error, name)
  }
}
