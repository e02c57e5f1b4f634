import { describe, test } from 'vitest'
import { engineConformance } from '../../conformance/index.ts'
import { memory } from './index.ts'

engineConformance({ test, open: () => ({ engine: memory() }) })

describe('with a log in four shards', () => {
  engineConformance({ test, open: () => ({ engine: memory({ logShards: 4 }) }), modelRuns: 20, bulkEvents: 10_000 })
})
