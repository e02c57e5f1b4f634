import { describe, test } from 'vitest'
import { freshDatabase } from '../../../../test/postgres/database.ts'
import { npmMajor } from '../../../../test/postgres/distribution.ts'
import { onPostgres } from '../../../../test/postgres/on-postgres.ts'
import { type ReusedStores, reusedStores } from '../../../../test/postgres/reused-stores.ts'
import { engineConformance } from '../../conformance/index.ts'
import { postgres } from './index.ts'

onPostgres(({ cluster, major }) => {
  const isNewest = major === npmMajor

  describe('keeps every promise', () => {
    let stores: Promise<{ readonly url: string; readonly reused: ReusedStores }> | undefined

    async function makeStores(): Promise<{ readonly url: string; readonly reused: ReusedStores }> {
      const { url } = await freshDatabase(await cluster())
      return { url, reused: reusedStores({ url }) }
    }

    engineConformance({
      test,
      bulkEvents: isNewest ? 20_000 : 2_000,
      modelRuns: isNewest ? 10 : 4,
      open: async () => {
        stores ??= makeStores()
        const { url, reused } = await stores
        const schema = await reused.take()
        const connect = () => postgres({ url, schema })
        return { engine: connect(), reopen: connect, cleanUp: () => reused.giveBack(schema) }
      },
    })
  })
})
