import { KeyStoreFailed } from '../model/erasure-errors.ts'
import { InvalidArgument } from '../model/errors.ts'
import type { KeyStore, SubjectKeys } from '../model/key-store.ts'
import { keyBytes, seal, unseal } from './box.ts'

/** Which key is wrapped; a KMS takes it as its encryption context. */
export interface WrappedKey {
  readonly subject: string
  readonly version: number
}

/** What wraps keys: a key management service, a security module, or {@link masterKey}. */
export interface KeyWrapping {
  /** What is stored in place of a key. */
  readonly wrap: (key: Uint8Array, of: WrappedKey) => Promise<Uint8Array> | Uint8Array
  /** The key again; also of what was wrapped before the wrapping key was changed. */
  readonly unwrap: (wrapped: Uint8Array, of: WrappedKey) => Promise<Uint8Array> | Uint8Array
}

/**
 * A key store in which keys lie wrapped, so that who gets hold of it, or of a backup, has nothing without what unwraps
 * them. Every lookup unwraps once for each version of a subject's key, at most every `limits.keyCacheMs`.
 *
 * @throws INVALID_ARGUMENT; by its calls KEY_STORE_FAILED when wrapping or unwrapping fails, with the cause.
 * @example
 * const wrapping = masterKey(new Uint8Array(32).fill(7))
 * const keys = wrappedKeys(fileKeys({ directory: 'keys' }), wrapping)
 */
export function wrappedKeys(keys: KeyStore, wrapping: KeyWrapping): KeyStore {
  if (typeof wrapping?.wrap !== 'function' || typeof wrapping.unwrap !== 'function') {
    throw new InvalidArgument('wrapping', 'has no wrap and unwrap')
  }
  return {
    load: async (subject) => {
      const found = await keys.load(subject)
      return found === undefined || found === 'forgotten' ? found : unwrapped(found, subject, wrapping)
    },
    add: async (subject, version, key) =>
      keys.add(subject, version, await wrapped(key, { subject, version }, wrapping)),
    replace: async (subject, version, key) =>
      keys.replace(subject, version, await wrapped(key, { subject, version }, wrapping)),
    destroy: (subject) => keys.destroy(subject),
    subjects: () => keys.subjects(),
    close: () => keys.close(),
    [Symbol.asyncDispose]: () => keys.close(),
  }
}

/**
 * Wraps all keys anew, after the wrapping key was changed. `keys` is the store beneath `wrappedKeys`; `unwrap` has to
 * know the wrapping keys of before, until this is done. Cut off, it is begun again.
 *
 * @returns how many keys were wrapped.
 * @example
 * const [older, newer] = [new Uint8Array(32).fill(7), new Uint8Array(32).fill(8)]
 * const count = await rewrapKeys(fileKeys({ directory: 'keys' }), masterKey(newer, older))
 */
export async function rewrapKeys(keys: KeyStore, wrapping: KeyWrapping): Promise<number> {
  let count = 0
  for await (const subject of keys.subjects()) {
    const found = await keys.load(subject)
    if (found === undefined || found === 'forgotten') continue
    for (const [version, key] of await unwrapped(found, subject, wrapping)) {
      const replaced = await keys.replace(subject, version, await wrapped(key, { subject, version }, wrapping))
      if (replaced === 'replaced') count += 1
    }
  }
  return count
}

/**
 * Wraps keys with a key of yours (AES-256-GCM), for those who have no key management service: 32 random bytes that lie
 * neither beside the log nor beside the keys. Older ones still unwrap, until {@link rewrapKeys} is done.
 *
 * @throws INVALID_ARGUMENT
 * @example
 * const wrapping = masterKey(Buffer.from(process.env.MASTER_KEY ?? '07'.repeat(32), 'hex'))
 */
export function masterKey(key: Uint8Array, ...older: readonly Uint8Array[]): KeyWrapping {
  const all = [key, ...older].map((one) => {
    if (one instanceof Uint8Array && one.length === keyBytes) return Uint8Array.from(one)
    throw new InvalidArgument('key', `is not ${keyBytes} bytes`)
  })
  const [first = key] = all
  return {
    wrap: (plain, of) => Buffer.from(seal(Buffer.from(plain).toString('base64'), first, labelOf(of)), 'base64'),
    unwrap: (bytes, of) => {
      const failures: unknown[] = []
      for (const one of all) {
        try {
          return Buffer.from(unseal(Buffer.from(bytes).toString('base64'), one, labelOf(of)), 'base64')
        } catch (error) {
          failures.push(error)
        }
      }
      throw new AggregateError(failures, 'none of the master keys fits')
    },
  }
}

function labelOf({ subject, version }: WrappedKey): string {
  return JSON.stringify(['varve key', 1, subject, version])
}

async function wrapped(key: Uint8Array, of: WrappedKey, { wrap }: KeyWrapping): Promise<Uint8Array> {
  return translated(of, 'wrapped', async () => wrap(key, of))
}

async function unwrapped(keys: SubjectKeys, subject: string, { unwrap }: KeyWrapping): Promise<SubjectKeys> {
  const entries = [...keys].map(async ([version, bytes]) => {
    const of = { subject, version }
    return [version, await translated(of, 'unwrapped', async () => unwrap(bytes, of))] as const
  })
  return new Map(await Promise.all(entries))
}

async function translated<Value>(of: WrappedKey, done: string, work: () => Promise<Value>): Promise<Value> {
  try {
    return await work()
  } catch (cause) {
    const problem = cause instanceof Error ? cause.message : String(cause)
    throw new KeyStoreFailed(`key ${of.version} of subject ${of.subject}`, `it cannot be ${done}: ${problem}.`, {
      cause,
    })
  }
}
