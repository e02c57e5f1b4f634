import { afterAll, beforeAll, describe } from 'vitest'
import { sayWhy } from '../postgres/on-postgres.ts'
import { type DynamoDBServer, startDynamoDB, whyNoDynamoDB } from './server.ts'

/** Specifies something on a DynamoDB that all tests of the file share; where there is none they are skipped, aloud. */
export function onDynamoDB(specify: (server: () => DynamoDBServer) => void): void {
  const reason = sayWhy(whyNoDynamoDB())
  describe.skipIf(reason !== undefined)('DynamoDB', () => {
    let server: DynamoDBServer | undefined

    beforeAll(async () => {
      server = await startDynamoDB()
    })
    afterAll(() => server?.stop())

    specify(() => {
      if (server === undefined) throw new Error('The server is there while tests run.')
      return server
    })
  })
}
