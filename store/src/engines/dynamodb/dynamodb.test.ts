import { describe, test } from 'vitest'
import { onDynamoDB } from '../../../../test/dynamodb/on-dynamodb.ts'
import { engineConformance } from '../../conformance/index.ts'
import { dynamodb } from './index.ts'

onDynamoDB((server) => {
  describe.each([
    { logShards: 1, bulkEvents: 3_000, modelRuns: 4 },
    { logShards: 4, bulkEvents: 400, modelRuns: 2 },
  ])('a log with $logShards shards', ({ logShards, ...sizes }) => {
    // Chunks of three commits, so that nearly everything is read through the indexes too.
    engineConformance({
      test,
      ...sizes,
      open: () => {
        const table = server().freshTable()
        const connect = () => dynamodb({ table, logShards, client: server().client, chunkCommits: 3 })
        return { engine: connect(), reopen: connect }
      },
    })
  })
})
