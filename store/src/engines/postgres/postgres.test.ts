import { describe, test } from 'vitest'
import { freshDatabase } from '../../../../test/postgres/database.ts'
import { onPostgres } from '../../../../test/postgres/on-postgres.ts'
import { engineConformance } from '../../conformance/index.ts'
import { postgres } from './index.ts'

let schemas = 0

onPostgres(({ cluster }) => {
  describe('keeps every promise', () => {
    let shared: ReturnType<typeof freshDatabase> | undefined

    engineConformance({
      test,
      bulkEvents: 20_000,
      modelRuns: 10,
      open: async () => {
        shared ??= freshDatabase(await cluster())
        const { url } = await shared
        const schema = `store_${++schemas}`
        const connect = () => postgres({ url, schema })
        return { engine: connect(), reopen: connect }
      },
    })
  })
})
