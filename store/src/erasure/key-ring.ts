/**
 * The keys a process has looked up, for a while.
 *
 * Invariants: a key is used for at most `limits.keyCacheMs` after its lookup began, so whoever destroyed it knows when
 * nobody uses it any more; that a subject is forgotten is remembered for good, since it stays so.
 */
import type { Clock } from '../engine/clock.ts'
import { KeyMissing, KeyStoreFailed } from '../model/erasure-errors.ts'
import type { KeyStore, SubjectKeys } from '../model/key-store.ts'
import { limits } from '../model/limits.ts'
import { freshKey, keyBytes } from './box.ts'

/** What a key store says of a subject. */
export type Keys = SubjectKeys | 'forgotten' | undefined

/** The key that fields are sealed with, and its version. */
export interface SealingKey {
  readonly version: number
  readonly key: Uint8Array
}

/** Keys by subject, looked up when they are not at hand. */
export interface KeyRing {
  /** The keys of a subject, without waiting where they are at hand. */
  keysOf(ref: string): Keys | Promise<Keys>
  /** The same, looked up now. */
  keysNow(ref: string): Promise<Keys>
  /** The key to seal with; a subject that has none gets one, unless `isInLog` finds that it must have had one. */
  sealingKey(ref: string, isInLog: () => Promise<boolean>): SealingKey | 'forgotten' | Promise<SealingKey | 'forgotten'>
  /** Whether this process may have personal data of the subject in its memory. */
  hasOpened(ref: string): boolean
  /** Says that personal data of a subject is handed out. */
  opening(ref: string): void
  /** Lets go of a subject's keys. */
  drop(ref: string): void
}

/** By key store, so that all who use one in this process let go of a key together. */
const rings = new WeakMap<KeyStore, KeyRing>()

/** The ring of a key store; the clock is that of the first who asks. */
export function keyRingOf(keys: KeyStore, clock: Clock): KeyRing {
  const ring = rings.get(keys) ?? createKeyRing(keys, clock)
  rings.set(keys, ring)
  return ring
}

interface Held {
  readonly keys: SubjectKeys | 'forgotten'
  readonly sinceMs: number
}

/** A ring over a key store. */
export function createKeyRing(keys: KeyStore, clock: Clock): KeyRing {
  const { atHand, joined, keysNow, drop } = createLookups(keys, clock)
  const opened = new Set<string>()
  let openedMore = false

  async function newSealingKey(ref: string, isInLog: () => Promise<boolean>): Promise<SealingKey | 'forgotten'> {
    let found = await (joined(ref) ?? keysNow(ref))
    if (found === undefined) {
      const mustBeThere = await isInLog()
      // Another process may have made the key, and used it, since it was looked for.
      found = await keysNow(ref)
      if (found === undefined && mustBeThere) throw new KeyMissing(ref)
      // Whoever adds it first, the key that is there afterwards is the one to use.
      if (found === undefined && (await keys.add(ref, 1, freshKey())) === 'forgotten') return 'forgotten'
      found ??= await keysNow(ref)
    }
    if (found === undefined) throw new KeyStoreFailed(`subject ${ref}`, 'a key that was added is not there.')
    return found === 'forgotten' ? found : lastOf(ref, found)
  }

  return {
    keysOf: (ref) => atHand(ref) ?? joined(ref) ?? keysNow(ref),
    keysNow,
    sealingKey: (ref, isInLog) => {
      const found = atHand(ref)
      if (found === undefined) return newSealingKey(ref, isInLog)
      return found === 'forgotten' ? found : lastOf(ref, found)
    },
    hasOpened: (ref) => openedMore || opened.has(ref),
    opening: (ref) => {
      if (opened.size < limits.cachedSubjects) opened.add(ref)
      else openedMore ||= !opened.has(ref)
    },
    drop,
  }
}

interface Lookups extends Pick<KeyRing, 'keysNow' | 'drop'> {
  /** Keys that may still be used, without waiting. */
  atHand(ref: string): SubjectKeys | 'forgotten' | undefined
  /** The lookup that is under way. */
  joined(ref: string): Promise<Keys> | undefined
}

function createLookups(keys: KeyStore, clock: Clock): Lookups {
  const held = new Map<string, Held>()
  const lookups = new Map<string, Promise<Keys>>()

  function hold(ref: string, entry: Held): void {
    held.delete(ref)
    held.set(ref, entry)
    const [oldest] = held.keys()
    if (held.size > limits.cachedSubjects && oldest !== undefined) held.delete(oldest)
  }

  return {
    atHand: (ref) => {
      const entry = held.get(ref)
      if (entry === undefined || entry.keys === 'forgotten') return entry?.keys
      const ageMs = clock.now() - entry.sinceMs
      // A clock that was set back tells nothing about the age.
      return ageMs >= 0 && ageMs < limits.keyCacheMs ? entry.keys : undefined
    },
    joined: (ref) => lookups.get(ref),
    keysNow: (ref) => {
      const sinceMs = clock.now()
      const lookup: Promise<Keys> = keys.load(ref).then((found) => {
        // One that was let go of meanwhile must not come back by a lookup that began before.
        if (lookups.get(ref) === lookup && found !== undefined) hold(ref, { keys: found, sinceMs })
        return found
      })
      lookups.set(ref, lookup)
      const over = (): void => {
        if (lookups.get(ref) === lookup) lookups.delete(ref)
      }
      lookup.then(over, over)
      return lookup
    },
    drop: (ref) => {
      held.delete(ref)
      lookups.delete(ref)
    },
  }
}

function lastOf(ref: string, keys: SubjectKeys): SealingKey {
  const version = Math.max(...keys.keys())
  return { version, key: usable(ref, version, keys.get(version)) }
}

/**
 * A key as the cipher takes it.
 *
 * @throws KEY_STORE_FAILED when it is none.
 */
export function usable(ref: string, version: number, key: Uint8Array | undefined): Uint8Array {
  if (key?.length === keyBytes) return key
  throw new KeyStoreFailed(
    `key ${version} of subject ${ref}`,
    `it has ${key?.length ?? 'no'} bytes rather than ${keyBytes}. If keys are wrapped, open the key store with wrappedKeys.`,
  )
}
