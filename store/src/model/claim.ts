import { InvalidArgument } from './errors.ts'

/**
 * What an event holds instead of large bytes: plain JSON that says which bytes, how many, and what they are. The bytes lie
 * in a blob store, and a claim check gives them back for it.
 */
export interface Claim {
  /** `sha256:` and the 64 hexadecimal digits of the bytes' SHA-256. */
  readonly claim: `sha256:${string}`
  /** Length of the bytes. */
  readonly bytes: number
  readonly contentType: string
}

const written = /^sha256:([0-9a-f]{64})$/
const digestForm = /^[0-9a-f]{64}$/

/** Whether a value is a claim: for validators, and for payloads read without a type. */
export function isClaim(value: unknown): value is Claim {
  if (typeof value !== 'object' || value === null) return false
  const { claim, bytes, contentType } = value as Partial<Record<keyof Claim, unknown>>
  const isLength = typeof bytes === 'number' && Number.isSafeInteger(bytes) && bytes >= 0
  return typeof claim === 'string' && written.test(claim) && isLength && typeof contentType === 'string'
}

/** Whether a text is a digest as blob stores name blobs by it: 64 hexadecimal digits in lower case. */
export function isDigest(text: unknown): text is string {
  return typeof text === 'string' && digestForm.test(text)
}

/**
 * The digest in a claim, which a blob is stored under.
 *
 * @throws INVALID_ARGUMENT when the value is no claim: what was read from an event may be anything.
 */
export function digestOf(claim: Claim): string {
  if (!isClaim(claim)) {
    throw new InvalidArgument(
      'claim',
      "is no claim: { claim: 'sha256:' and 64 hexadecimal digits, bytes: a whole number, contentType: a string }",
    )
  }
  return claim.claim.slice('sha256:'.length)
}
