import type { PostgresClient } from '../../../engines/postgres/driver.ts'
import { InvalidArgument } from '../../../model/errors.ts'
import { TargetFailed } from '../../../model/target-errors.ts'
import { createTurns } from '../turns.ts'
import { passingTranslated } from './errors.ts'

/** What a statement gave. */
export interface PostgresRows<Row> {
  readonly rows: readonly Row[]
  /** Rows that it gave or changed; 0 for a statement that does neither. */
  readonly rowCount: number
}

/** What handlers and readers get of a PostgreSQL target. Table names are looked for in what they belong to. */
export interface PostgresReadModel {
  /**
   * Runs a statement, with `values` for `$1`, `$2`… Without values it may be several, and gives what the last one gave. Types
   * are those of the `pg` package: `bigint` and `numeric` come as text.
   */
  query<Row extends object = Record<string, unknown>>(
    sql: string,
    values?: readonly unknown[],
  ): Promise<PostgresRows<Row>>
}

/** A connection lent to handlers for as long as their transaction lasts. */
export interface LentConnection {
  readonly readModel: PostgresReadModel
  /** Resolves when everything that handlers have asked for is done, awaited or not. */
  settled(): Promise<unknown>
  /** From here on it refuses. */
  end(): void
}

/** Ends of a transaction, which is for the target to end. Savepoints are for handlers. */
const endsTransaction =
  /^\s*(?:begin|start\s+transaction|commit|end|abort|prepare\s+transaction|rollback(?!\s+(?:work\s+|transaction\s+)?to\b))\b/i

/** What is begun and not awaited, when it goes on after its write is over. */
export const late = 'a handler uses the database after its write. Await what it begins.'

function refusalOf(sql: unknown): InvalidArgument | undefined {
  if (typeof sql !== 'string') return new InvalidArgument('sql', 'is not a string')
  if (!endsTransaction.test(sql)) return undefined
  return new InvalidArgument('sql', 'begins or ends a transaction, which is for the target to do')
}

/** Lends a connection. Its statements take turns, as the driver wants it. */
export function lendConnection(client: PostgresClient): LentConnection {
  const inTurn = createTurns()
  let over = false

  function query<Row extends object>(sql: string, values?: readonly unknown[]): Promise<PostgresRows<Row>> {
    const refusal = over ? new TargetFailed('postgres', late) : refusalOf(sql)
    if (refusal !== undefined) return Promise.reject(refusal)
    const result = inTurn(() => answered<Row>(client, sql, values))
    // Who does not await a statement learns of its failure by that of the write, not by the end of the process.
    result.catch(() => undefined)
    return result
  }

  return {
    readModel: { query },
    settled: () => inTurn(async () => undefined),
    end: () => {
      over = true
    },
  }
}

/** What the driver gives for a statement; for several of them a list. */
interface Answer<Row> {
  readonly rows: readonly Row[]
  readonly rowCount: number | null
}

/** Runs a statement and gives what the last one gave. */
export async function answered<Row>(
  client: PostgresClient,
  text: string,
  values?: readonly unknown[],
): Promise<PostgresRows<Row>> {
  try {
    const given: unknown = await client.query({ text, ...(values && { values: [...values] }) })
    const { rows, rowCount } = (Array.isArray(given) ? given.at(-1) : given) as Answer<Row>
    return { rows, rowCount: rowCount ?? 0 }
  } catch (error) {
    throw passingTranslated(error)
  }
}
