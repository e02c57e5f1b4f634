import { inject } from 'vitest'
import { freshDatabase } from '../postgres/database.ts'
import { distributions, npmMajor, whyMissing } from '../postgres/distribution.ts'
import { borrowed } from '../postgres/lender.ts'
import { sayWhy } from '../postgres/on-postgres.ts'
import { type ReusedStores, reusedStores } from '../postgres/reused-stores.ts'
import type { MakePlace } from './places.ts'

sayWhy(whyMissing(npmMajor))

/** Places in the newest PostgreSQL alone: what is different about the others is tried on the engine. */
export const postgresPlaces: Readonly<Record<string, MakePlace>> = Object.fromEntries(
  distributions()
    .slice(0, 1)
    .map(({ major }): [string, MakePlace] => [
      `PostgreSQL ${major}`,
      placesIn(async () => freshDatabase(await borrowed(inject('postgresSocket'), major))),
    ]),
)

/** In one database, made when it is first asked for. It goes with its cluster. */
function placesIn(makeDatabase: () => Promise<{ readonly url: string }>): MakePlace {
  let made: Promise<{ readonly url: string; readonly stores: ReusedStores }> | undefined
  const make = async () => {
    const { url } = await makeDatabase()
    return { url, stores: reusedStores({ url }) }
  }
  return async () => {
    made ??= make()
    const { url, stores } = await made
    const schema = await stores.take()
    const store = new URL(url)
    store.searchParams.set('schema', schema)
    return { store: store.href, cleanUp: () => stores.giveBack(schema) }
  }
}
