import { KurrentDBClient } from '@kurrent/kurrentdb-client'
import { inject } from 'vitest'
import { freshDatabase } from '../postgres/database.ts'
import { distributions, npmMajor, whyMissing } from '../postgres/distribution.ts'
import { borrowed } from '../postgres/lender.ts'
import { sayWhy } from '../postgres/on-postgres.ts'
import { type MakePlace, setStage } from './stage.ts'

sayWhy(whyMissing(npmMajor))

// The newest alone: what is different about the others is tried on the engine.
const places = distributions()
  .slice(0, 1)
  .map(({ major }): [string, MakePlace] => [
    `PostgreSQL ${major}`,
    async () => {
      const { url, drop } = await freshDatabase(await borrowed(inject('postgresSocket'), major))
      return { store: url, cleanUp: drop }
    },
  ])

setStage({
  connect: (connectionString) => KurrentDBClient.connectionString`${connectionString}`,
  scheme: 'kurrentdb',
  places: Object.fromEntries(places),
})
