import { openPool, type PostgresPool } from '../../../engines/postgres/driver.ts'
import type { PoolSource } from '../../../engines/postgres/place.ts'

/** A pool that is opened when it is first needed. */
export interface LazyPool {
  /** The pool, once the target's tables are there. */
  ready(): Promise<PostgresPool>
  /** Gives a pool of the caller's back, and ends one of its own. */
  close(): Promise<void>
}

/** `prepare` makes what the target needs. */
export function lazyPool(source: PoolSource, prepare: (pool: PostgresPool) => Promise<void>): LazyPool {
  let opened: Promise<PostgresPool> | undefined

  async function open(): Promise<PostgresPool> {
    const pool = 'pool' in source ? source.pool : await openPool(source.url, source.connectionsMax)
    // An idle connection that breaks is the pool's to replace; without a listener it would end the process.
    pool.on('error', ignore)
    try {
      await prepare(pool)
      return pool
    } catch (error) {
      await giveBack(pool)
      throw error
    }
  }

  function ready(): Promise<PostgresPool> {
    opened ??= open().catch((error: unknown) => {
      // The next call tries again.
      opened = undefined
      throw error
    })
    return opened
  }

  async function giveBack(pool: PostgresPool): Promise<void> {
    // The driver ends a pool before its connections have hung up: what breaks meanwhile must still find a listener.
    if ('pool' in source) pool.off('error', ignore)
    else await pool.end()
  }

  return {
    ready,
    close: async () => {
      const pool = await opened?.catch(() => undefined)
      if (pool !== undefined) await giveBack(pool)
    },
  }
}

function ignore(): void {}
