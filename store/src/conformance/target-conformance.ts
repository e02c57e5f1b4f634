import type { RegisterTest } from './case.ts'
import { register } from './register.ts'
import { runTargetCase } from './run-target.ts'
import { targetCases } from './target-cases.ts'
import type { OpenedTarget } from './targets/target-case.ts'

/** What {@link targetConformance} takes. */
export interface TargetConformance<ReadModel> {
  /** Registers one test. */
  readonly test: RegisterTest
  /** Gives a target on a fresh, empty storage; called once for each case. */
  readonly open: () => OpenedTarget<ReadModel> | Promise<OpenedTarget<ReadModel>>
}

/**
 * Registers a test for every promise of a target of read models, as `Target` states them and docs/for-target-authors.md
 * tells. What a target says it does not promise is skipped, with the reason.
 *
 * @example
 * targetConformance({
 *   test,
 *   open: () => ({
 *     target: memoryTarget(() => new Map<string, number>()),
 *     counting: {
 *       empty: (counts) => counts.clear(),
 *       add: (counts, { key, by }) => counts.set(key, (counts.get(key) ?? 0) + by),
 *       count: (counts, key) => counts.get(key) ?? 0,
 *     },
 *     traits: { severalProjections: false },
 *   }),
 * })
 */
export function targetConformance<ReadModel>({ test, open }: TargetConformance<ReadModel>): void {
  for (const one of targetCases) {
    register(test, `${one.promise}: ${one.name}`, () => runTargetCase(one, open))
  }
}
