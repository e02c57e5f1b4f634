import type { PostgresClient } from './driver.ts'
import { quotedSchema } from './migrate.ts'

/** One part of the log: a table with the events of some positions. */
export interface PostgresPart {
  /** The name of its table, in the schema of the store. */
  readonly table: string
  readonly firstPosition: number
  readonly lastPosition: number
  /** `archived`: detached, and its table is still there; `removed`: detached, and its table is not. */
  readonly state: 'attached' | 'archived' | 'removed'
}

/** How the events of a store lie. */
export interface PostgresLayout {
  /** `converting`: in one table, and copied into parts up to `copiedUntil`. */
  readonly state: 'one_table' | 'converting' | 'parts'
  /** Positions of each part; absent where there are none. */
  readonly positionsPerPart?: number
  /** While converting: the last position that was copied. */
  readonly copiedUntil?: number
  /** The last position that is archived; 0 when nothing is. */
  readonly archivedUntil: number
  /** In the order of their positions, those made ahead too. */
  readonly parts: readonly PostgresPart[]
}

const selectLayout = (schema: string): string => `
  select h.archived_until, p.positions_per_part, p.copied_until
  from ${schema}.log_head h left join ${schema}.partitioning p on true`

/** $1: schema */
const selectParts = (schema: string): string => `
  select p.table_name, p.first_position, p.last_position, p.archived_at is not null as archived,
    to_regclass(format('%I.%I', $1::text, p.table_name)) is not null as there
  from ${schema}.event_parts p order by p.first_position`

/** How the events of a store lie, whose schema is of the newest version. */
export async function layoutOf(client: PostgresClient, schema: string): Promise<PostgresLayout> {
  const name = quotedSchema(schema)
  const { rows } = await client.query({ text: selectLayout(name) })
  const [{ archived_until: archived, positions_per_part: size, copied_until: copied }] = rows as [Laid]
  if (size === null) return { state: 'one_table', archivedUntil: 0, parts: [] }
  const found = await client.query({ text: selectParts(name), values: [schema] })
  return {
    state: archived === null ? 'converting' : 'parts',
    positionsPerPart: Number(size),
    ...(archived === null && { copiedUntil: Number(copied) }),
    archivedUntil: Number(archived),
    parts: (found.rows as readonly PartRow[]).map(partIn),
  }
}

interface Laid {
  readonly archived_until: string | null
  readonly positions_per_part: string | null
  readonly copied_until: string | null
}

interface PartRow {
  readonly table_name: string
  readonly first_position: string
  readonly last_position: string
  readonly archived: boolean
  readonly there: boolean
}

function partIn(row: PartRow): PostgresPart {
  return {
    table: row.table_name,
    firstPosition: Number(row.first_position),
    lastPosition: Number(row.last_position),
    state: row.archived ? (row.there ? 'archived' : 'removed') : 'attached',
  }
}
