import type { StoreCase } from './case.ts'
import { appendingCases } from './store/appending.ts'
import { boundaryCases } from './store/boundaries.ts'
import { followingCases } from './store/following.ts'
import { readingCases } from './store/reading.ts'
import { shardStoreCases } from './store/shards.ts'
import { shelfStoreCases } from './store/shelf.ts'
import { tracingCases } from './store/tracing.ts'

/** Every case about a whole store, in a fixed order. They hold for any `EventStore`, embedded or remote. */
export const storeCases: readonly StoreCase[] = [
  ...appendingCases,
  ...readingCases,
  ...followingCases,
  ...boundaryCases,
  ...shardStoreCases,
  ...shelfStoreCases,
  ...tracingCases,
]
