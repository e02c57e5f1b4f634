import { describe, test } from 'vitest'
import { freshDatabase } from '../../../../test/postgres/database.ts'
import { onNewestPostgres } from '../../../../test/postgres/on-postgres.ts'
import { type ReusedStores, reusedStores } from '../../../../test/postgres/reused-stores.ts'
import { thorough } from '../../../../test/thorough.ts'
import { engineConformance, type RegisterTest } from '../../conformance/index.ts'
import { postgres } from './index.ts'

/** Fewer than many a case appends at once, so that it goes over the borders of parts. */
const positionsPerPart = 50

/** What has nothing to do with where events lie. With VARVE_THOROUGH=1 it runs here too. */
const elsewhere = /^(?:names|shelf|lifecycle|honest|live|idempotent|versioned|conditions): /

const register: RegisterTest = (name, run) => {
  if (thorough || !elsewhere.test(name)) test(name, run)
}

// Other versions have what parts.test.ts has.
onNewestPostgres(({ cluster }) => {
  describe('keeps every promise with events in parts', () => {
    let stores: Promise<{ readonly url: string; readonly parted: ReusedStores }> | undefined

    async function makeStores(): Promise<{ readonly url: string; readonly parted: ReusedStores }> {
      const { url } = await freshDatabase(await cluster())
      return { url, parted: reusedStores({ url }, positionsPerPart) }
    }

    engineConformance({
      test: register,
      bulkEvents: 1_000,
      modelRuns: 5,
      open: async () => {
        stores ??= makeStores()
        const { url, parted } = await stores
        const schema = await parted.take()
        const connect = () => postgres({ url, schema })
        return { engine: connect(), reopen: connect, cleanUp: () => parted.giveBack(schema) }
      },
    })
  })
})
