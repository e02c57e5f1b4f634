/**
 * Where the keys of subjects live: outside the log, since what is in the log stays. A port, with a conformance suite of
 * its own (`keyStoreConformance`).
 *
 * unknown > (add) > keyed, one key or several > (destroy) > forgotten, for ever
 *
 * Invariants: a version of a key is added once and by one of those who try; a subject that is forgotten never has a key
 * again, whoever adds one at the same moment; when `destroy` resolves, the keys are gone and stay gone after a crash.
 */
export interface KeyStore extends AsyncDisposable {
  /**
   * The keys of a subject by their version, `'forgotten'` once they were destroyed, undefined when there never was one.
   * Subjects are named by their reference, as `subjectRef` makes it.
   */
  load(subject: string): Promise<SubjectKeys | 'forgotten' | undefined>
  /** Adds a key; `'taken'` when the subject has one of that version already. It is on disk when the promise resolves. */
  add(subject: string, version: number, key: Uint8Array): Promise<'added' | 'taken' | 'forgotten'>
  /** Puts other bytes in place of a key that is there: the same key, wrapped anew. */
  replace(subject: string, version: number, key: Uint8Array): Promise<'replaced' | 'absent'>
  /** Destroys all keys of a subject for ever, also of one that never had any. Again is fine, and finishes what a crash cut off. */
  destroy(subject: string): Promise<void>
  /** The references of all subjects that have a key, in any order. */
  subjects(): AsyncIterable<string>
  /** Gives everything back. Closing twice is fine. */
  close(): Promise<void>
}

/** The keys of one subject by their version, from 1. Fields are sealed with the last one. */
export type SubjectKeys = ReadonlyMap<number, Uint8Array>
