import { test } from 'vitest'
import { onDynamoDB } from '../../../../test/dynamodb/on-dynamodb.ts'
import { engineConformance } from '../../conformance/index.ts'
import { dynamodb } from './index.ts'

onDynamoDB((server) => {
  // Chunks of three commits, so that nearly everything is read through the indexes too.
  engineConformance({
    test,
    bulkEvents: 3_000,
    modelRuns: 4,
    open: () => {
      const table = server().freshTable()
      const connect = () => dynamodb({ table, client: server().client, chunkCommits: 3 })
      return { engine: connect(), reopen: connect }
    },
  })
})
