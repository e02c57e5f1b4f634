import { getEventListeners } from 'node:events'
import { Client } from 'pg'
import { expect, it } from 'vitest'
import { first, freshDatabase } from '../../../../test/postgres/database.ts'
import { onPostgres } from '../../../../test/postgres/on-postgres.ts'
import type { Clock } from '../../engine/clock.ts'
import { systemClock } from '../../engine/system-clock.ts'
import { openStore } from '../../open-store.ts'
import { postgres } from './index.ts'

onPostgres(({ cluster }) => {
  it('tells of a commit only when somebody listens, and then always', async () => {
    await using database = await freshDatabase(await cluster())
    const heard: (string | undefined)[] = []
    const spy = new Client({ connectionString: database.url })
    await spy.connect()
    spy.on('notification', ({ payload }) => heard.push(payload))
    await spy.query('listen varve_varve')
    await using store = openStore({ engine: postgres({ url: database.url }) })

    await store.append('Order-1', [{ type: 'OrderPlaced', data: {} }])
    await spy.query("notify varve_varve, 'marker'")
    expect(heard).toEqual(['marker'])

    const engine = postgres({ url: database.url })
    const rings = engine.wake?.(new AbortController().signal)[Symbol.asyncIterator]()
    // The first ring says that it listens now.
    await rings?.next()
    await store.append('Order-1', [{ type: 'OrderPaid', data: {} }])
    await expect.poll(() => heard).toEqual(['marker', ''])
    await rings?.next()
    await engine.close()
    await spy.end()
  })

  it('leaves nothing behind for each time that it had to begin anew', async () => {
    await using database = await freshDatabase(await cluster())
    const left: number[] = []
    const sleep: Clock['sleep'] = (_, signal) => {
      if (signal !== undefined) left.push(getEventListeners(signal, 'abort').length)
      return systemClock.sleep(1, signal)
    }
    const hurried: Clock = { ...systemClock, sleep }
    const engine = postgres({ url: database.url, clock: hurried })
    const rings = engine.wake?.(new AbortController().signal)[Symbol.asyncIterator]()
    for (let kills = 0; kills < 3; kills++) {
      await rings?.next()
      await first(database, listenersEnd)
    }
    await rings?.next()
    await engine.close()
    expect(left.length).toBeGreaterThanOrEqual(3)
    expect(left).toEqual(left.map(() => 0))
  })
})

const listenersEnd = `
  select count(pg_terminate_backend(pid)) from pg_locks
  where locktype = 'advisory' and mode = 'ShareLock' and database = (select oid from pg_database where datname = current_database())`
