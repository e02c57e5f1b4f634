import { readFileSync, writeSync } from 'node:fs'

/** What a writer says it is about to append: enough to repeat it, and to judge it when no answer ever came. */
export interface Sent {
  readonly kind: 'sent'
  readonly request: number
  readonly writes: readonly SentWrite[]
}

/** The part of an append that concerns one stream. */
export interface SentWrite {
  readonly streamId: string
  readonly expectedVersion: number | 'any'
  readonly ids: readonly string[]
  /** Characters of filler in each payload. */
  readonly fillerChars: number
}

/** What the store acknowledged. */
export interface Acknowledged {
  readonly kind: 'acknowledged'
  readonly request: number
  readonly firstPosition: number
  readonly streams: readonly { readonly streamId: string; readonly firstVersion: number }[]
}

/** Marks on the way of a life, so that a kill can be aimed. */
export interface Reached {
  readonly kind: 'opened'
}

/** One line of a writer's journal. */
export type Entry = Sent | Acknowledged | Reached

/** Notes an entry. Synchronous, straight to the kernel: what was noted survives the process. */
export function note(file: number, entry: Entry): void {
  writeSync(file, `${JSON.stringify(entry)}\n`)
}

/** What a writer noted before it was killed; a line it did not finish was not noted. */
export function readJournal(path: string): readonly Entry[] {
  const lines = readFileSync(path, 'utf8').split('\n')
  return lines.slice(0, -1).map((line) => JSON.parse(line) as Entry)
}
