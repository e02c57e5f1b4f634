/**
 * A sealed value: AES-256-GCM (NIST SP 800-38D) with a random 96-bit nonce, as nonce, ciphertext, 128-bit tag. A key seals
 * the events of one subject, so 2^32 of them, the bound for random nonces, are never reached.
 */
import { createCipheriv, createDecipheriv, createSecretKey, type KeyObject, randomBytes } from 'node:crypto'

/** Bytes of a key. */
export const keyBytes = 32

const algorithm = 'aes-256-gcm'
const nonceBytes = 12
const tagBytes = 16

/** A new key. */
export function freshKey(): Uint8Array {
  return randomBytes(keyBytes)
}

/** Seals a text. What it is sealed with is bound to `label`: it opens under the same one only. */
export function seal(text: string, key: Uint8Array, label: string): string {
  const nonce = randomBytes(nonceBytes)
  const cipher = createCipheriv(algorithm, prepared(key), nonce).setAAD(Buffer.from(label))
  return Buffer.concat([nonce, cipher.update(text, 'utf8'), cipher.final(), cipher.getAuthTag()]).toString('base64')
}

/**
 * Opens what {@link seal} made.
 *
 * @throws Error when it was altered, or sealed with another key or label.
 */
export function unseal(sealed: string, key: Uint8Array, label: string): string {
  const bytes = Buffer.from(sealed, 'base64')
  if (bytes.length < nonceBytes + tagBytes) throw new Error('it is too short')
  const decipher = createDecipheriv(algorithm, prepared(key), bytes.subarray(0, nonceBytes), {
    authTagLength: tagBytes,
  })
    .setAAD(Buffer.from(label))
    .setAuthTag(bytes.subarray(bytes.length - tagBytes))
  const text = decipher.update(bytes.subarray(nonceBytes, bytes.length - tagBytes))
  return Buffer.concat([text, decipher.final()]).toString('utf8')
}

/** Measured: a key given as bytes is made an object of by every cipher, which takes ten times as long as sealing. */
const objects = new WeakMap<Uint8Array, KeyObject>()

function prepared(key: Uint8Array): KeyObject {
  const known = objects.get(key)
  if (known !== undefined) return known
  const made = createSecretKey(key)
  objects.set(key, made)
  return made
}
