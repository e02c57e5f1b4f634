import { onTestFinished } from 'vitest'
import { type PostgresMaintenance, postgres, postgresMaintenance } from '../../store/src/engines/postgres/index.ts'
import type { EventStore } from '../../store/src/event-store.ts'
import { openStore } from '../../store/src/open-store.ts'
import { type FreshPlace, freshDatabase } from './database.ts'
import type { Postgres } from './on-postgres.ts'
import { putIntoParts } from './parts.ts'

/** A store in ten parts, what lies before a position archived. */
export interface ArchivedStore {
  readonly database: FreshPlace
  readonly store: EventStore
  readonly maintenance: PostgresMaintenance
}

/**
 * 100 events in parts of ten; `before` is archived. Odd ones are of Order-1 and Placed, even ones of Payment-2 and Paid;
 * each has the tags `all`, and `tens:n`; the first ten are of the type and the tag Early too.
 */
export async function archivedStore(cluster: Postgres['cluster'], before?: number): Promise<ArchivedStore> {
  const database = await freshDatabase(await cluster())
  onTestFinished(database.drop)
  await putIntoParts(database, 10)
  const store = openStore({ engine: postgres({ url: database.url }) })
  onTestFinished(() => store.close())
  for (let n = 1; n <= 100; n++) {
    const [streamId, type] = n % 2 === 1 ? ['Order-1', n < 10 ? 'Early' : 'Placed'] : ['Payment-2', 'Paid']
    await store.append(streamId, [{ type, data: { n }, tags: ['all', `tens:${Math.ceil(n / 10)}`] }])
  }
  const maintenance = postgresMaintenance({ url: database.url })
  onTestFinished(() => maintenance.close())
  if (before !== undefined) await maintenance.archive(before)
  return { database, store, maintenance }
}

/** What a read is refused with when positions 1 to 30 are archived. */
export const archivedTo30 = { code: 'EVENTS_ARCHIVED', archivedUntil: 30 }
