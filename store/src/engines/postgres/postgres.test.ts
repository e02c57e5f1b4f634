import { describe, test } from 'vitest'
import { freshDatabase } from '../../../../test/postgres/database.ts'
import { npmMajor } from '../../../../test/postgres/distribution.ts'
import { onEveryPostgres } from '../../../../test/postgres/on-postgres.ts'
import { type ReusedStores, reusedStores } from '../../../../test/postgres/reused-stores.ts'
import { thorough } from '../../../../test/thorough.ts'
import { engineConformance } from '../../conformance/index.ts'
import { postgres } from './index.ts'

/** What no version of PostgreSQL does in a way of its own: it runs on the newest, and with VARVE_THOROUGH=1 on all. */
const alike = /^(?:names|reads|shelf|lifecycle|honest|live): /

onEveryPostgres(({ cluster, major }) => {
  const isNewest = major === npmMajor

  describe('keeps every promise', () => {
    let stores: Promise<{ readonly url: string; readonly reused: ReusedStores }> | undefined

    async function makeStores(): Promise<{ readonly url: string; readonly reused: ReusedStores }> {
      const { url } = await freshDatabase(await cluster())
      return { url, reused: reusedStores({ url }) }
    }

    engineConformance({
      test: (name, run) => {
        if (thorough || isNewest || !alike.test(name)) test(name, run)
      },
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
