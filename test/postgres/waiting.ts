import { setTimeout as pause } from 'node:timers/promises'
import { first } from './database.ts'

/** Resolves once a session of the database waits for a lock of a kind, as `pg_stat_activity` names it. */
export async function waitingFor(
  database: { readonly url: string },
  kind: 'relation' | 'transactionid',
): Promise<void> {
  const waiting = `select count(*) from pg_stat_activity
    where datname = current_database() and wait_event_type = 'Lock' and wait_event = '${kind}'`
  while ((await first(database, waiting)) === '0') await pause(20)
}
