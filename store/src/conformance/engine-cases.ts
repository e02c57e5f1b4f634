import { appendOnlyCases } from './append-only.ts'
import { atomicCases } from './atomic.ts'
import { batchCases } from './batches.ts'
import { boundedCases } from './bounded.ts'
import type { EngineCase } from './case.ts'
import { closingCases } from './closing.ts'
import { conditionCases } from './conditions.ts'
import { durableCases } from './durable.ts'
import { honestCases } from './honest.ts'
import { idempotentCases } from './idempotent.ts'
import { lifecycleCases } from './lifecycle.ts'
import { liveCases } from './live.ts'
import { matchingCases } from './matching.ts'
import { modelCases } from './model-based.ts'
import { nameCases } from './names.ts'
import { orderedCases } from './ordered.ts'
import { readCases } from './reads.ts'
import { shardCases } from './shards.ts'
import { shelfCases } from './shelf.ts'
import { versionedCases } from './versioned.ts'

/** Every case about an engine, in a fixed order: the promises first, then what they rest on, then the random runs. */
export function engineCases(modelRuns = 40): readonly EngineCase[] {
  return [
    ...appendOnlyCases,
    ...atomicCases,
    ...orderedCases,
    ...shardCases,
    ...versionedCases,
    ...idempotentCases,
    ...durableCases,
    ...liveCases,
    ...conditionCases,
    ...matchingCases,
    ...boundedCases,
    ...honestCases,
    ...batchCases,
    ...readCases,
    ...nameCases,
    ...lifecycleCases,
    ...shelfCases,
    ...closingCases,
    ...modelCases(modelRuns),
  ]
}
