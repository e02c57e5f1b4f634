import { isCorrelationTag } from '../../model/correlation.ts'

/** By what events are found besides their stream. The numbers are stored. */
export const termKinds = { type: 1, category: 2, tag: 3 } as const

/** One of {@link termKinds}. */
export type TermKind = keyof typeof termKinds

/** The events of one stream in one stretch of the log: version `firstVersion + i` lies at `positions[i]`. */
export interface StreamRun {
  readonly firstVersion: number
  readonly positions: readonly number[]
}

/** A {@link StreamRun} that still grows. */
interface OpenRun extends StreamRun {
  readonly positions: number[]
}

/** One event as far as it matters for finding it. */
export interface Traits {
  readonly stream: number
  readonly version: number
  readonly type: string
  readonly category: string
  readonly tags: readonly string[]
  readonly fingerprint: number
}

/** Where to find the events since the last seal: what will be sealed next, in the same shape, kept in memory. */
export class Recent {
  readonly streams: Map<number, OpenRun> = new Map()
  readonly terms: Readonly<Record<TermKind, Map<string, number[]>>> = {
    type: new Map(),
    category: new Map(),
    tag: new Map(),
  }
  /** Positions by correlation tag. */
  readonly correlations: Map<string, number[]> = new Map()
  readonly fingerprints: number[] = []

  add(position: number, event: Traits): void {
    const run = this.streams.get(event.stream)
    if (run === undefined) this.streams.set(event.stream, { firstVersion: event.version, positions: [position] })
    else run.positions.push(position)
    enter(this.terms.type, event.type, position)
    enter(this.terms.category, event.category, position)
    for (const tag of event.tags) enter(isCorrelationTag(tag) ? this.correlations : this.terms.tag, tag, position)
    this.fingerprints.push(event.fingerprint)
  }

  /** The events of one stream; undefined when it has none here. */
  run(stream: number): StreamRun | undefined {
    return this.streams.get(stream)
  }

  clear(): void {
    this.streams.clear()
    for (const term of Object.values(this.terms)) term.clear()
    this.correlations.clear()
    this.fingerprints.length = 0
  }
}

function enter(lists: Map<string, number[]>, term: string, position: number): void {
  const list = lists.get(term)
  if (list === undefined) lists.set(term, [position])
  else list.push(position)
}
