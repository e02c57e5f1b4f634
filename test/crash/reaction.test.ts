import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { rmSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, describe, expect, it, onTestFinished, vi } from 'vitest'
import type { Engine } from '../../store/src/engine/engine.ts'
import { postgres } from '../../store/src/engines/postgres/index.ts'
import { sqlite } from '../../store/src/engines/sqlite/index.ts'
import type { EventStore } from '../../store/src/event-store.ts'
import { openStore } from '../../store/src/open-store.ts'
import { react } from '../../store/src/reactions/react.ts'
import { freshDatabase } from '../postgres/database.ts'
import { onNewestPostgres } from '../postgres/on-postgres.ts'
import { expectOnce, isSettled, longAfter, placeOrders } from '../reactions/mortal.ts'
import { checkout, worker } from '../reactions/orders.ts'
import { thorough } from '../thorough.ts'
import { crashFolder } from './crash-folder.ts'

const program = fileURLToPath(new URL('./react-until-killed.ts', import.meta.url))
const folder = crashFolder('reactions')
afterAll(() => rmSync(folder, { recursive: true, force: true }))

/** A store of which a program is told where it is. */
interface Place {
  readonly at: string
  readonly engine: () => Engine
}

/** Starts the reaction, which kills itself before a step; gives whether it did. */
async function live({ at }: Place, diesBefore: number): Promise<'killed' | 'settled'> {
  const child = spawn(process.execPath, [program, at, String(diesBefore)], {
    stdio: ['ignore', 'inherit', 'inherit'],
    // Compiled code is kept between lives: starting is what this test would otherwise spend its time on.
    env: { ...process.env, NODE_COMPILE_CACHE: join(folder, 'compiled') },
  })
  const [code, signal] = await once(child, 'exit')
  if (signal === 'SIGKILL') return 'killed'
  expect({ code, signal }).toEqual({ code: 0, signal: null })
  return 'settled'
}

/** Lets it come to its end in this process. */
async function liveToTheEnd(store: EventStore): Promise<void> {
  await using _running = react(store, checkout({ send: worker(store) }), { clock: longAfter })
  await vi.waitUntil(() => isSettled(store), { timeout: 60_000, interval: 5 })
}

/** Kills it before every so many steps, every third time also on the way back; then lets it come to its end. */
async function killBetweenSteps(fresh: (number: number) => Promise<Place>, everySteps: number): Promise<number> {
  for (let kills = 0; ; kills++) {
    const place = await fresh(kills)
    await using store = openStore({ engine: place.engine() })
    await placeOrders(store)
    const end = await live(place, kills * everySteps)
    if (kills % 3 === 0) await live(place, 5 + (kills % 10))
    if (end === 'killed') await liveToTheEnd(store)
    await expectOnce(store)
    if (end === 'settled') return kills
  }
}

/** Between every two steps, or every few. */
const [onSqlite, onDatabase] = thorough ? [1, 5] : [4, 15]

describe('a reaction on SQLite that is killed between its steps', () => {
  it('sends nothing twice in effect, and loses no deadline', { timeout: 300_000 }, async () => {
    const fresh = async (number: number): Promise<Place> => {
      const path = join(folder, `${number}.db`)
      return { at: path, engine: () => sqlite({ path }) }
    }
    expect((await killBetweenSteps(fresh, onSqlite)) * onSqlite).toBeGreaterThan(50)
  })
})

onNewestPostgres(({ cluster }) => {
  it('a reaction killed between its steps sends nothing twice and loses no deadline', {
    timeout: 300_000,
  }, async () => {
    const fresh = async (): Promise<Place> => {
      const { url, drop } = await freshDatabase(await cluster())
      onTestFinished(drop)
      return { at: url, engine: () => postgres({ url, connectionsMax: 3 }) }
    }
    expect((await killBetweenSteps(fresh, onDatabase)) * onDatabase).toBeGreaterThan(50)
  })
})
