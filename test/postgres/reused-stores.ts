import { Client } from 'pg'
import { postgresMaintenance } from '../../store/src/engines/postgres/index.ts'

/** Empty stores in one database, in a schema each. */
export interface ReusedStores {
  /** The schema of one that nobody uses. */
  take(): Promise<string>
  /** Hands it back when everything that used it is closed, for somebody else to take. */
  giveBack(schema: string): void
}

/** A store with more events than this is quicker made anew than emptied. */
const emptiedEvents = 500

/**
 * Making a schema takes half a second on a busy machine, emptying one with a few events a few milliseconds: no way that
 * a store has, since a superuser's session can do without triggers.
 */
export function reusedStores({ url }: { readonly url: string }, positionsPerPart?: number): ReusedStores {
  const used: string[] = []
  let made = 0
  return {
    take: async () => {
      const schema = used.pop()
      if (schema !== undefined && (await emptied(url, schema, positionsPerPart))) return schema
      const fresh = `store_${++made}`
      // What is made here need not outlive a crash; what an engine appends has to, and it goes by another setting.
      const place = { url: `${url}?options=-c%20synchronous_commit%3Doff`, schema: fresh }
      await using maintenance = postgresMaintenance(place)
      if (positionsPerPart === undefined) await maintenance.up()
      else await maintenance.partition(positionsPerPart)
      return fresh
    },
    giveBack: (schema) => void used.push(schema),
  }
}

/** False for a store that is quicker made anew. The parts that were made for its events go with them. */
async function emptied(url: string, schema: string, positionsPerPart: number | undefined): Promise<boolean> {
  const client = new Client({ connectionString: url })
  await client.connect()
  try {
    await client.query(
      `set search_path = ${schema}; set synchronous_commit = off; set session_replication_role = replica`,
    )
    const head = await client.query<{ large: boolean }>(`select position > ${emptiedEvents} as large from log_head`)
    if (head.rows[0]?.large === true) return false
    await client.query(`begin; delete from events; delete from event_keys; delete from event_tags; delete from streams;
      delete from shelf; update log_head set position = 0`)
    if (positionsPerPart !== undefined) await dropParts(client, positionsPerPart)
    await client.query('commit')
    return true
  } finally {
    await client.end()
  }
}

async function dropParts(client: Client, positionsPerPart: number): Promise<void> {
  await client.query(`update log_head set archived_until = 0, parts_wanted_above = ${positionsPerPart}`)
  const { rows } = await client.query<{ name: string }>(
    `delete from event_parts where first_position > ${2 * positionsPerPart} returning table_name as name`,
  )
  for (const { name } of rows) await client.query(`drop table ${name}`)
}
