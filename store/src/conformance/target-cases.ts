import { atomicCases } from './targets/atomic.ts'
import { checkpointCases } from './targets/checkpoints.ts'
import { closingCases } from './targets/closing.ts'
import { entryCases } from './targets/entries.ts'
import { fencingCases } from './targets/fencing.ts'
import { generationCases } from './targets/generations.ts'
import { namingCases } from './targets/naming.ts'
import { readingCases } from './targets/reading.ts'
import type { TargetCase } from './targets/target-case.ts'

/** All cases about a target. */
export const targetCases: readonly TargetCase[] = [
  ...atomicCases,
  ...checkpointCases,
  ...fencingCases,
  ...readingCases,
  ...namingCases,
  ...closingCases,
  ...generationCases,
  ...entryCases,
]
