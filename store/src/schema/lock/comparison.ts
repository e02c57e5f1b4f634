import { isDeepStrictEqual } from 'node:util'
import { type JsonSchema, meaning } from './json-schema.ts'

/** One way in which events that are stored no longer fit. */
export interface Narrowing {
  readonly kind: 'field_removed' | 'field_renamed' | 'field_required' | 'narrowed' | 'cannot_tell'
  /** Where in the payload, as in `$.lines[].price`. */
  readonly path: string
  /** What changed, in words. */
  readonly says: string
}

/** Two schemas that are being compared, and what is known of their parts so far. */
export interface Comparison {
  readonly before: JsonSchema
  readonly next: JsonSchema
  readonly parts: Parts
  /** False while it is tried whether a field was renamed, which is not tried within itself. */
  readonly findsRenames: boolean
}

/** Finds what a part of the next schema no longer accepts of a part of the one before. */
export type Narrow = (
  comparison: Comparison,
  before: JsonSchema,
  next: JsonSchema,
  path: string,
) => readonly Narrowing[]

/** How many findings are told again where two parts meet that have met before. */
const findingsAgainMax = 10
/** How deep schemas may lie in each other; more than that is a schema that grows while it is unfolded. */
const partsDeepMax = 200

/**
 * Pairs of parts that were compared. A schema may contain itself, so a pair is taken to be compatible while it is being
 * compared. When it turns out not to be, all that was concluded since is forgotten, because it may rest on that; what is
 * left holds together. A pair that failed although more was assumed than is true fails everywhere. (Amadio and Cardelli,
 * Subtyping recursive types, 1993.) Each pair is so compared a few times, not once for each way that leads to it.
 */
export class Parts {
  readonly #compatible = new Set<string>()
  readonly #failed = new Map<string, readonly Narrowing[]>()
  #deep = 0

  /** What a pair lacks, found by `run` if it is not known. */
  compare(
    pair: readonly [before: unknown, next: unknown],
    path: string,
    run: () => readonly Narrowing[],
  ): readonly Narrowing[] {
    const key = JSON.stringify(pair)
    if (this.#compatible.has(key)) return []
    const known = this.#failed.get(key)
    if (known !== undefined) return known.map((one) => ({ ...one, path: `${path}${one.path}` }))
    if (this.#deep >= partsDeepMax) return [found('cannot_tell', path, 'it is nested too deep to be compared')]
    const before = this.#compatible.size
    this.#compatible.add(key)
    this.#deep++
    const findings = run()
    this.#deep--
    if (findings.length > 0) {
      // A set lists its members in the order in which they came.
      for (const later of [...this.#compatible].slice(before)) this.#compatible.delete(later)
      const again = findings.slice(0, findingsAgainMax)
      this.#failed.set(
        key,
        again.map((one) => ({ ...one, path: one.path.slice(path.length) })),
      )
    }
    return findings
  }

  /** The same assumptions, to try something with; the other way round where the schemas are. */
  tried(direction: 'same' | 'reverse'): Parts {
    const parts = new Parts()
    for (const key of this.#compatible) {
      const [before, next] = JSON.parse(key) as readonly [unknown, unknown]
      parts.#compatible.add(direction === 'same' ? key : JSON.stringify([next, before]))
    }
    return parts
  }
}

/** One finding. */
export function found(kind: Narrowing['kind'], path: string, says: string): Narrowing {
  return { kind, path, says }
}

/** Whether two parts are the same and mean the same: what they refer to lies elsewhere and may have changed. */
export function isSamePart({ before, next }: Comparison, left: unknown, right: unknown): boolean {
  if (!isDeepStrictEqual(left, right)) return false
  const refers = /"\$(ref|dynamicRef|recursiveRef)"/.test(JSON.stringify(left) ?? '')
  return !refers || isDeepStrictEqual(meaning(before), meaning(next))
}
