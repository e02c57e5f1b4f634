import { inject } from 'vitest'
import { freshDatabase } from '../postgres/database.ts'
import { distributions, npmMajor, whyMissing } from '../postgres/distribution.ts'
import { borrowed } from '../postgres/lender.ts'
import { sayWhy } from '../postgres/on-postgres.ts'
import type { MakePlace } from './places.ts'

sayWhy(whyMissing(npmMajor))

/** Places in the newest PostgreSQL alone: what is different about the others is tried on the engine. */
export const postgresPlaces: Readonly<Record<string, MakePlace>> = Object.fromEntries(
  distributions()
    .slice(0, 1)
    .map(({ major }): [string, MakePlace] => [
      `PostgreSQL ${major}`,
      async () => {
        const { url, drop } = await freshDatabase(await borrowed(inject('postgresSocket'), major))
        return { store: url, cleanUp: drop }
      },
    ]),
)
