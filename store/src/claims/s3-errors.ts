import { type AwsFailure, isOutOfReach, saidBy } from '../engine/aws-failure.ts'
import { BlobsFailed, BlobsUnavailable } from '../model/blob-errors.ts'
import { isVarveError } from '../model/errors.ts'

/** Codes of S3 (https://docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html) that pass, whatever their status. */
const passing: readonly unknown[] = [
  'SlowDown',
  'RequestTimeout',
  'RequestTimeTooSkewed',
  'OperationAborted',
  // Bytes were changed on their way.
  'BadDigest',
  'XAmzContentSHA256Mismatch',
  'TimeoutError',
]

const problems: Readonly<Record<string, string>> = {
  NoSuchBucket: 'the bucket does not exist. Create it, or name another one',
  InvalidObjectState:
    'the object lies in an archive. Restore it there, and let no lifecycle rule move blobs to archive classes',
  PermanentRedirect: 'the bucket is in another region. Name that region',
  AuthorizationHeaderMalformed: 'the bucket is in another region. Name that region',
  CredentialsProviderError:
    'no credentials were found. Give a client with credentials, or set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY',
}

const denied =
  'it may not be used with these credentials. Allow s3:GetObject, s3:PutObject and s3:ListBucket, and for collections s3:DeleteObject'

/** An error of the driver as one of ours. */
export function translatedS3(error: unknown, name: string): unknown {
  if (isVarveError(error)) return error
  const { name: code, $metadata: { httpStatusCode: status } = {} } = (error ?? {}) as AwsFailure
  if (isPassing(error)) return new BlobsUnavailable(name, saidBy(error), { cause: error })
  const problem = problems[String(code)] ?? (status === 403 ? denied : saidBy(error))
  return new BlobsFailed(name, `${problem}.`, { cause: error })
}

/** Whether the same request may succeed in a moment. */
export function isPassing(error: unknown): boolean {
  const { name } = (error ?? {}) as AwsFailure
  return passing.includes(name) || isOutOfReach(error)
}

/** Whether an object is not there. A bucket that is not there is another matter. */
export function isNoObject(error: unknown): boolean {
  const { name } = (error ?? {}) as AwsFailure
  // HEAD has no body to carry a code.
  return name === 'NoSuchKey' || name === 'NotFound'
}
