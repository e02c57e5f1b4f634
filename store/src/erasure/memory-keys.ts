import type { KeyStore } from '../model/key-store.ts'

/**
 * Keys in memory, gone with the process: for tests.
 *
 * @example
 * const keys = memoryKeys()
 */
export function memoryKeys(): KeyStore {
  const subjects = new Map<string, Map<number, Uint8Array> | 'forgotten'>()
  const keysOf = (subject: string): Map<number, Uint8Array> | 'forgotten' => subjects.get(subject) ?? new Map()
  const close = async (): Promise<void> => undefined
  return {
    load: async (subject) => {
      const found = subjects.get(subject)
      return found === undefined || found === 'forgotten' ? found : new Map(found)
    },
    add: async (subject, version, key) => {
      const found = keysOf(subject)
      if (found === 'forgotten') return 'forgotten'
      if (found.has(version)) return 'taken'
      subjects.set(subject, found.set(version, Uint8Array.from(key)))
      return 'added'
    },
    replace: async (subject, version, key) => {
      const found = keysOf(subject)
      if (found === 'forgotten' || !found.has(version)) return 'absent'
      found.set(version, Uint8Array.from(key))
      return 'replaced'
    },
    destroy: async (subject) => {
      subjects.set(subject, 'forgotten')
    },
    subjects: async function* () {
      for (const [subject, found] of [...subjects]) if (found !== 'forgotten') yield subject
    },
    close,
    [Symbol.asyncDispose]: close,
  }
}
