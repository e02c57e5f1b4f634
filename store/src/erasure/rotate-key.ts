import { SubjectForgotten } from '../model/erasure-errors.ts'
import { InvalidArgument } from '../model/errors.ts'
import type { KeyStore } from '../model/key-store.ts'
import { freshKey } from './box.ts'
import { subjectRef } from './subject.ts'

/**
 * Gives a subject a new key, with which its personal data is sealed from now on: in other processes at the latest after
 * `limits.keyCacheMs`. What is in the log stays sealed with the keys of before, which are kept and forgotten with it.
 *
 * @returns the version of the new key.
 * @throws SUBJECT_FORGOTTEN; INVALID_ARGUMENT when the subject has no key yet.
 * @example
 * const keys = memoryKeys()
 * await keys.add(subjectRef('customer-7'), 1, new Uint8Array(32).fill(7))
 * const version = await rotateKey(keys, 'customer-7')
 */
export async function rotateKey(keys: KeyStore, subject: string): Promise<number> {
  const ref = subjectRef(subject)
  for (;;) {
    const found = await keys.load(ref)
    if (found === undefined) throw new InvalidArgument('subject', 'has no key: its first event makes one')
    if (found === 'forgotten') throw new SubjectForgotten(ref)
    const version = Math.max(...found.keys()) + 1
    // Taken by another who rotates at the same moment: both asked for a newer key, and both get one.
    const added = await keys.add(ref, version, freshKey())
    if (added === 'added') return version
    if (added === 'forgotten') throw new SubjectForgotten(ref)
  }
}
