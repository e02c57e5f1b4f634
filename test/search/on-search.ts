import { afterAll, afterEach, beforeAll, describe } from 'vitest'
import { sayWhy } from '../postgres/on-postgres.ts'
import { type Jars, jarsOf, type SearchProduct } from './jars.ts'
import { type SearchServer, startSearch } from './search-server.ts'

/** A server that tests may use. */
export interface Search {
  readonly product: SearchProduct
  /** Running while tests run. */
  server(): SearchServer
}

const products: readonly SearchProduct[] = ['opensearch', 'elasticsearch']
/** Each takes four minutes, which a run of all tests does not have: they run when they are asked for. */
const asked = process.env.VARVE_SEARCH_PRODUCTS?.split(',') ?? []
/** On a machine that is busy with other tests. */
const startMs = 180_000

/** Specifies something for the servers that are asked for. Where one cannot be had its tests are skipped, and the reason is printed. */
export function onSearch(specify: (search: Search) => void): void {
  for (const product of products) {
    const found = asked.includes(product)
      ? jarsOf(product)
      : { reason: `${product} runs when it is asked for, as in VARVE_SEARCH_PRODUCTS=${products.join(',')}` }
    const reason = sayWhy('reason' in found ? found.reason : undefined)
    describe.skipIf(reason)(product, () => {
      let server: SearchServer | undefined
      beforeAll(async () => {
        server = await startSearch(product, (found as { readonly jars: Jars }).jars)
      }, startMs)
      afterEach(async () => server?.clear())
      afterAll(async () => server?.stop())
      specify({
        product,
        server: () => {
          if (server === undefined) throw new Error('It runs while tests run.')
          return server
        },
      })
    })
  }
}
