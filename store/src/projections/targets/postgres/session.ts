import type { Clock } from '../../../engine/clock.ts'
import type { PostgresClient, PostgresPool } from '../../../engines/postgres/driver.ts'
import type { PoolSource } from '../../../engines/postgres/place.ts'
import { lazyPool } from './pool.ts'

/** How long a transaction may take, and wait, in milliseconds. */
export interface Timeouts {
  readonly statementTimeoutMs: number
  readonly lockTimeoutMs: number
  readonly idleTimeoutMs: number
}

/** What transactions need. */
export interface SessionParts {
  readonly source: PoolSource
  readonly timeouts: Timeouts
  readonly clock: Clock
  /** Makes what the target needs, when the database is first used. */
  readonly prepare: (pool: PostgresPool) => Promise<void>
}

/** What is different about one transaction. */
export interface TransactionOptions {
  /** Where names are looked for; quoted. */
  readonly searchPath: string
  readonly access?: 'read write' | 'read only'
  readonly isolation?: 'read committed' | 'repeatable read'
  /** Default: what the target says. */
  readonly lockTimeoutMs?: number
  /** 0 for none. */
  readonly statementTimeoutMs?: number
  readonly idleTimeoutMs?: number
  /** What is done once `run` has resolved. */
  readonly end?: 'commit' | 'rollback'
  /** Called right before the commit: from then on an error may mean that it went through. */
  readonly committing?: () => void
}

/** A transaction that is open. */
export interface Session {
  readonly client: PostgresClient
  /** Commits or rolls back, as was asked for, and gives the connection back. */
  finish(): Promise<void>
  /** Rolls back where there is something to roll back, and gives the connection back. Fine after `finish`. */
  release(): Promise<void>
}

/** Transactions on a pool that is opened when it is first needed. */
export interface Sessions {
  readonly clock: Clock
  /** Whoever begins releases, whatever happens. */
  begin(options: TransactionOptions): Promise<Session>
  transaction<Result>(options: TransactionOptions, run: (client: PostgresClient) => Promise<Result>): Promise<Result>
  /** Gives the pool back, or up. */
  close(): Promise<void>
}

/** Transactions that nobody has begun yet. */
export function createSessions({ source, timeouts, clock, prepare }: SessionParts): Sessions {
  const pool = lazyPool(source, prepare)

  async function begin(options: TransactionOptions): Promise<Session> {
    const client = await (await pool.ready()).connect()
    let state: 'open' | 'over' | 'broken' | 'released' = 'open'
    const breaks = (): void => {
      if (state !== 'released') state = 'broken'
    }
    // A connection that is ended from the other side says so here as well; nobody listening would end the process.
    client.on('error', breaks)
    const session: Session = {
      client,
      finish: async () => {
        options.committing?.()
        await client.query({ text: options.end ?? 'commit' })
        if (state === 'open') state = 'over'
      },
      release: async () => {
        if (state === 'released') return
        if (state === 'open') await client.query({ text: 'rollback' }).catch(breaks)
        const isBroken = state === 'broken'
        state = 'released'
        client.off('error', breaks)
        client.release(isBroken)
      },
    }
    try {
      await client.query({ text: beginning(options, timeouts) })
      return session
    } catch (error) {
      await session.release()
      throw error
    }
  }

  async function transaction<Result>(
    options: TransactionOptions,
    run: (client: PostgresClient) => Promise<Result>,
  ): Promise<Result> {
    const session = await begin(options)
    try {
      const result = await run(session.client)
      await session.finish()
      return result
    } finally {
      await session.release()
    }
  }

  return {
    clock,
    begin,
    transaction,
    close: pool.close,
  }
}

/** Set for the transaction alone, so that it holds on a pool of the caller's, and behind a pooler. */
function beginning(options: TransactionOptions, timeouts: Timeouts): string {
  const { searchPath, access = 'read write', isolation = 'read committed' } = options
  const { lockTimeoutMs, statementTimeoutMs, idleTimeoutMs } = { ...timeouts, ...options }
  return [
    `begin isolation level ${isolation} ${access}`,
    `set local search_path to ${searchPath}`,
    `set local lock_timeout = ${lockTimeoutMs}`,
    `set local statement_timeout = ${statementTimeoutMs}`,
    `set local idle_in_transaction_session_timeout = ${idleTimeoutMs}`,
  ].join('; ')
}
