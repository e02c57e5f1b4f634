import { createHash } from 'node:crypto'
import { DriverMissing } from '../../model/errors.ts'

/** What the engine needs of the `pg` package's Pool, by structure: any pool with this shape will do. */
export interface PostgresPool {
  query(query: PostgresQuery): Promise<PostgresResult>
  connect(): Promise<PostgresPoolClient>
  end(): Promise<void>
  on(event: 'error', listener: (error: Error) => void): unknown
  off(event: 'error', listener: (error: Error) => void): unknown
  readonly options?: { readonly max?: number | undefined }
  /** True once `end` was called. */
  readonly ending?: boolean
}

/** What runs a query: a pool, or one connection of it. */
export interface PostgresClient {
  query(query: PostgresQuery): Promise<PostgresResult>
}

/** One connection of the pool. */
export interface PostgresPoolClient extends PostgresClient {
  on(event: 'notification' | 'error' | 'end', listener: PostgresListener): unknown
  off(event: 'notification' | 'error' | 'end', listener: PostgresListener): unknown
  /** True: the connection is closed instead of being kept. */
  release(destroy?: boolean): void
}

/** The arguments of an emitter differ by event, and by version of the types: a method may ask for those of its own. */
export type PostgresListener = Emitter['listener']

interface Emitter {
  listener(...args: unknown[]): void
}

/** A query in the form that the driver's `query` takes. */
export interface PostgresQuery {
  readonly text: string
  readonly values?: unknown[]
  /** Prepared once per connection under this name. */
  readonly name?: string
  readonly rowMode?: 'array'
  readonly types?: { getTypeParser(...args: unknown[]): (value: string) => unknown }
}

/** What came back. Of `begin; …; commit` the driver gives one result each. */
export interface PostgresResult {
  readonly rows: unknown[]
}

/** A row as the engine asks for it: every column as PostgreSQL's text, or null. */
export type Row = readonly (string | null)[]

/** No parsing by the driver: positions are to be numbers, times are milliseconds, and arrays are read where they are used. */
export const asText = {
  getTypeParser:
    () =>
    (value: string): string =>
      value,
} as const

/** The first row of an answer, whatever parses the types of the connection. */
export async function rowOf(client: PostgresClient, query: PostgresQuery): Promise<Row> {
  const { rows } = await client.query({ ...query, rowMode: 'array', types: asText })
  return rows[0] as Row
}

/**
 * The name under which a connection keeps a statement. A pool may serve several stores, whose statements differ by the
 * schema only, and PostgreSQL cuts names after 63 bytes.
 */
export function statementName(verb: string, schema: string): string {
  return `varve_${verb}_${createHash('sha256').update(schema).digest('hex').slice(0, 12)}`
}

/**
 * How connections are set that the engine makes itself; timeouts in milliseconds. In a large store a planner can find a
 * page so dear that it compiles the statement first, which takes many times as long as the page.
 */
export const sessionSettings: string = `set statement_timeout = 60000; set lock_timeout = 10000;
set idle_in_transaction_session_timeout = 10000; set jit = off`

/** PostgreSQL knows it since version 17. Takes a snapshot. */
export const withoutTransactionLimit = `select set_config(name, '0', true) from pg_settings where name = 'transaction_timeout'`

/** For the transactions of an owner's commands, whatever is set for the role or the database. */
export const withoutLimits: string = `set local lock_timeout = 0; set local statement_timeout = 0;
set local idle_in_transaction_session_timeout = 0; ${withoutTransactionLimit}`

/**
 * A pool of the engine's own.
 *
 * @throws DRIVER_MISSING when the `pg` package is not installed.
 */
export async function openPool(url: string, connectionsMax: number): Promise<PostgresPool> {
  const { Pool, Client } = await importDriver()
  const options = {
    Client: leavingClient(Client),
    connectionString: url,
    max: connectionsMax,
    connectionTimeoutMillis: 10_000,
    keepAlive: true,
    application_name: 'varve',
    // Set by a query, not at start-up: a pooler in between refuses start-up parameters that it does not know. Every release
    // of the driver that the package allows asks `verify` before it gives a connection away; `onConnect` came much later.
    verify: (client: PostgresClient, done: (error?: Error) => void): void => {
      client.query({ text: sessionSettings }).then(() => done(), done)
    },
  }
  const pool = new Pool(options)
  // A server that goes away tells each connection. One that is in use, `verify` included, has no listener of the pool's, and
  // the word would end the process; what it is in use for hears of it anyway.
  pool.on('connect', (client) => client.on('error', ignore))
  return pool as PostgresPool
}

type Driver = typeof import('pg')
type DriverClient = import('pg').Client
type Told = ((error: Error) => void) | ((error: null, client: DriverClient) => void)

/**
 * Clients that leave when they could not connect. The driver keeps a connection whose login it cannot go on with, as without a
 * password: the server would wait for it for a minute, and for as long drop no database.
 */
function leavingClient(Client: Driver['Client']): Driver['Client'] {
  return class extends Client {
    override connect(): Promise<DriverClient>
    override connect(told: Told): void
    override connect(told?: Told): Promise<DriverClient> | undefined {
      if (told === undefined) return super.connect()
      super.connect((error: Error) => {
        if (error) this.end().catch(ignore)
        const tell = told as (error: Error) => void
        tell(error)
      })
      return undefined
    }
  }
}

function ignore(): void {}

async function importDriver(): Promise<Pick<Driver, 'Pool' | 'Client'>> {
  try {
    return (await import('pg')).default
  } catch (error) {
    throw new DriverMissing('The pg package', 'Install it beside varve: npm install pg', { cause: error })
  }
}
