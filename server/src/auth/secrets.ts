import { randomBytes } from 'node:crypto'

/** Bytes that nobody can guess, in characters that fit everywhere. Nobody may choose them, so they come in from nowhere else. */
export function freshSecret(bytes: number): string {
  return randomBytes(bytes).toString('base64url')
}

/** Salt for the hash of a password. */
export function freshSalt(): Buffer {
  return randomBytes(16)
}

/** A key for digests that stay in this process. */
export function freshKey(): Buffer {
  return randomBytes(32)
}
