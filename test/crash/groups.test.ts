import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import { rmSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, afterEach, describe, expect, it, onTestFinished, vi } from 'vitest'
import { seeded } from '../../store/src/conformance/seeded.ts'
import type { Engine } from '../../store/src/engine/engine.ts'
import { postgres } from '../../store/src/engines/postgres/index.ts'
import { sqlite } from '../../store/src/engines/sqlite/index.ts'
import type { EventStore } from '../../store/src/event-store.ts'
import { createGroup } from '../../store/src/groups/admin.ts'
import { groupInfo } from '../../store/src/groups/group-info.ts'
import type { GivenGroupSettings } from '../../store/src/groups/group-settings.ts'
import { openStore } from '../../store/src/open-store.ts'
import { take, write } from '../groups/letters.ts'
import { freshDatabase } from '../postgres/database.ts'
import { onPostgres } from '../postgres/on-postgres.ts'
import { crashFolder } from './crash-folder.ts'

const seed = Number(process.env.CRASH_SEED ?? Math.floor(Math.random() * 2 ** 31))
const folder = crashFolder('groups')
const children: ChildProcess[] = []
afterEach(() => {
  for (const child of children.splice(0)) child.kill('SIGKILL')
})
afterAll(() => rmSync(folder, { recursive: true, force: true }))

/** What a program tells of its consumer. */
interface Told {
  readonly handed?: number
  readonly attempt?: number
  readonly acked?: number
  /** When it said so, by the clock of the machine: programs may be heard in another order. */
  readonly saidAtUs?: number
  readonly lost?: number
  readonly isTold?: boolean
}

function start(at: string, pace: 'slow' | 'fast' | '5', told: Told[]): ChildProcess {
  const child = fork(join(import.meta.dirname, 'consume-until-killed.ts'), [at, pace], {
    env: { ...process.env, NODE_COMPILE_CACHE: join(folder, 'compiled') },
  })
  child.on('message', (message) => told.push(message as Told))
  children.push(child)
  return child
}

const until = (holds: () => boolean | Promise<boolean>): Promise<unknown> =>
  vi.waitUntil(holds, { timeout: 50_000, interval: 10 })

/** Where a store is, for this program and for others. */
interface Place {
  readonly at: string
  readonly engine: () => Engine
}

type OpenLetters = (settings?: GivenGroupSettings) => Promise<{ readonly at: string; readonly store: EventStore }>

function specifyOn(fresh: () => Promise<Place>): void {
  const openLetters: OpenLetters = async (
    settings = { strategy: 'pinned', memberTimeoutMs: 600, retriesMax: 1_000 },
  ) => {
    const { at, engine } = await fresh()
    const store = openStore({ engine: engine() })
    onTestFinished(() => store.close())
    await createGroup(store, 'letters', settings)
    return { at, store }
  }
  specifyOrder(openLetters)
  specifyLoss(openLetters)
}

function specifyOrder(openLetters: OpenLetters): void {
  it(`finishes every event, in the order of its stream, while programs are killed (CRASH_SEED=${seed})`, {
    timeout: 120_000,
  }, async () => {
    const { at, store } = await openLetters()
    const random = seeded(seed)
    const told: Told[] = []
    const running = [start(at, 'fast', told), start(at, 'fast', told)]
    for (let kills = 0; kills < 4; kills++) {
      // However fast they are, there is something to do until each kill: what is written from now on is handed out later.
      const enough = told.length + random.below(16)
      const writing = write(store, 16, ['Letter-a', 'Letter-b', 'Letter-c', 'Letter-d'])
      await until(() => told.length > enough)
      const victim = random.below(2)
      running[victim]?.kill('SIGKILL')
      running[victim] = start(at, 'fast', told)
      await writing
    }
    await until(async () => (await groupInfo(store, 'letters')).checkpoint === 64)
    const { acked, parked, skipped } = await groupInfo(store, 'letters')
    expect({ acked, parked, skipped }).toEqual({ acked: 64, parked: 0, skipped: 0 })
    // Whoever was told that an ack is saved never saw the event again: what comes later of its stream lies after it.
    for (const stream of [0, 1, 2, 3]) {
      const order = told
        .filter(({ acked: position }) => position !== undefined && (position - 1) % 4 === stream)
        .sort((a, b) => (a.saidAtUs ?? 0) - (b.saidAtUs ?? 0))
        .map(({ acked: position }) => position)
      expect(order).toEqual([...order].sort((a = 0, b = 0) => a - b))
    }
  })
}

function specifyLoss(openLetters: OpenLetters): void {
  it('refuses the ack of a program that was stopped for too long, which then takes part again', {
    timeout: 120_000,
  }, async () => {
    const { at, store } = await openLetters()
    await write(store, 1)
    const told: Told[] = []
    const stopped = start(at, 'slow', told)
    await until(() => told.some(({ handed }) => handed === 1))
    stopped.kill('SIGSTOP')
    const [taken] = await take(store, 'letters', 1)
    expect([taken?.position, taken?.attempt]).toEqual([1, 2])
    stopped.kill('SIGCONT')
    stopped.send('acknowledge')
    await until(() => told.some(({ lost }) => lost === 1))
    expect(told.find(({ lost }) => lost === 1)).toEqual({ lost: 1, isTold: true })

    await write(store, 1)
    await until(() => told.some(({ handed }) => handed === 2))
    stopped.send('acknowledge')
    await until(() => told.some(({ acked }) => acked === 2))
    expect((await groupInfo(store, 'letters')).acked).toBe(2)
  })

  it('parks an event that brings down every program that gets it, and none of those beside it', {
    timeout: 120_000,
  }, async () => {
    const { at, store } = await openLetters({ memberTimeoutMs: 300, retriesMax: 3 })
    await write(store, 20)
    const isFinished = async (): Promise<boolean> => (await groupInfo(store, 'letters')).checkpoint === 20
    for (let isOver = false; !isOver; ) {
      const child = start(at, '5', [])
      const died = once(child, 'exit').then(() => false)
      isOver = await Promise.race([died, until(isFinished).then(() => true)])
    }
    const { acked, parked } = await groupInfo(store, 'letters')
    expect({ acked, parked }).toEqual({ acked: 19, parked: 1 })
  })
}

describe('consumer groups of programs that are killed or stopped, on SQLite', () => {
  let stores = 0
  specifyOn(async () => {
    const path = join(folder, `${++stores}.db`)
    return { at: path, engine: () => sqlite({ path }) }
  })
})

onPostgres(({ cluster }) => {
  describe('consumer groups of programs that are killed or stopped', () => {
    specifyOn(async () => {
      const { url, drop } = await freshDatabase(await cluster())
      onTestFinished(drop)
      return { at: url, engine: () => postgres({ url, connectionsMax: 3 }) }
    })
  })
})
