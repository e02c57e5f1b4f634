import { Client } from 'pg'
import { postgresMaintenance } from '../../store/src/engines/postgres/index.ts'

/** Makes a store whose events lie in parts of so many positions, or puts those of a store into such parts. */
export async function putIntoParts(
  place: { readonly url: string; readonly schema?: string },
  positionsPerPart: number,
): Promise<void> {
  await using maintenance = postgresMaintenance(place)
  await maintenance.partition(positionsPerPart)
}

/** Stores with their events in parts, empty and in a schema each. */
export interface PartedStores {
  /** The schema of one that nobody uses. */
  take(): Promise<string>
  /** Hands it back, for somebody else to take. */
  giveBack(schema: string): void
}

/**
 * Making a schema takes half a second on a busy machine, emptying one with a few events a few milliseconds: no way that
 * a store has, since a superuser's session can do without triggers.
 */
export function partedStores({ url }: { readonly url: string }, positionsPerPart: number): PartedStores {
  const used: string[] = []
  let made = 0
  return {
    take: async () => {
      const schema = used.pop()
      if (schema !== undefined && (await emptied(url, schema, positionsPerPart))) return schema
      const fresh = `parted_${++made}`
      // What is made here need not outlive a crash; what an engine appends has to, and it goes by another setting.
      await putIntoParts({ url: `${url}?options=-c%20synchronous_commit%3Doff`, schema: fresh }, positionsPerPart)
      return fresh
    },
    giveBack: (schema) => void used.push(schema),
  }
}

/** False for a store that is quicker made anew. The parts that were made for its events go with them. */
async function emptied(url: string, schema: string, positionsPerPart: number): Promise<boolean> {
  const client = new Client({ connectionString: url })
  await client.connect()
  try {
    await client.query(
      `set search_path = ${schema}; set synchronous_commit = off; set session_replication_role = replica`,
    )
    const { rows } = await client.query<{ large: boolean }>('select position > 500 as large from log_head')
    if (rows[0]?.large === true) return false
    await client.query(`begin; delete from events; delete from event_keys; delete from event_tags; delete from streams;
      delete from shelf; update log_head set position = 0, archived_until = 0, parts_wanted_above = ${positionsPerPart}`)
    const parts = await client.query<{
      name: string
    }>(`delete from event_parts where first_position > ${2 * positionsPerPart}
      returning table_name as name`)
    for (const { name } of parts.rows) await client.query(`drop table ${name}`)
    await client.query('commit')
    return true
  } finally {
    await client.end()
  }
}
