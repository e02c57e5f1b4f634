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
export async function archivedStore(lent: Postgres['cluster'], before?: number): Promise<ArchivedStore> {
  const cluster = await lent()
  const key = `${cluster.url} ${before}`
  const made = models.get(key) ?? makeModel(cluster, before)
  models.set(key, made)
  const database = await freshDatabase(cluster, `template ${await made}`)
  onTestFinished(database.drop)
  const opened = { database, store: openAt(database), maintenance: postgresMaintenance({ url: database.url }) }
  onTestFinished(() => opened.store.close())
  onTestFinished(() => opened.maintenance.close())
  return opened
}

/** Names of databases that are copied for each test, which takes a tenth of filling one. They go with their cluster. */
const models = new Map<string, Promise<string>>()

async function makeModel(cluster: { readonly url: string }, before: number | undefined): Promise<string> {
  const database = await freshDatabase(cluster)
  await putIntoParts(database, 10)
  await using store = openAt(database)
  for (let n = 1; n <= 100; n++) {
    const [streamId, type] = n % 2 === 1 ? ['Order-1', n < 10 ? 'Early' : 'Placed'] : ['Payment-2', 'Paid']
    await store.append(streamId, [{ type, data: { n }, tags: ['all', `tens:${Math.ceil(n / 10)}`] }])
  }
  await using maintenance = postgresMaintenance({ url: database.url })
  if (before !== undefined) await maintenance.archive(before)
  return database.name
}

function openAt({ url }: FreshPlace): EventStore {
  return openStore({ engine: postgres({ url }) })
}

/** What a read is refused with when positions 1 to 30 are archived. */
export const archivedTo30 = { code: 'EVENTS_ARCHIVED', archivedUntil: 30 }
