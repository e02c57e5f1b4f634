import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { rmSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, describe, expect, it } from 'vitest'
import { foldStream } from '../../store/src/deciders/fold-stream.ts'
import type { EventStore } from '../../store/src/event-store.ts'
import { openStore } from '../../store/src/open-store.ts'
import { freshDatabase } from '../postgres/database.ts'
import { onNewestPostgres } from '../postgres/on-postgres.ts'
import { thorough } from '../thorough.ts'
import { account, commands, engineAt } from './account.ts'
import { crashFolder } from './crash-folder.ts'

const program = fileURLToPath(new URL('./execute-until-killed.ts', import.meta.url))

/** Whether a command is sent when the one before it was answered, or all of them are decided together. */
type Pace = 'one by one' | 'at once'

/** Runs the commands in a process of their own; tells how it ended. */
async function run(place: string, streamId: string, diesAt: number, pace: Pace): Promise<'done' | 'killed'> {
  const child = spawn(process.execPath, [program, place, streamId, String(diesAt), pace], {
    stdio: ['ignore', 'ignore', 'inherit'],
  })
  const [code, signal] = await once(child, 'exit')
  if (signal === 'SIGKILL') return 'killed'
  expect({ code, signal }).toEqual({ code: 0, signal: null })
  return 'done'
}

/** Kills a run at each of its steps, or every few, runs it again, and looks at what stands there. */
async function killedAtSteps(place: string, pace: Pace, every: number): Promise<number> {
  for (let step = 1; ; step += every) {
    const streamId = `Account-${pace} ${step}`
    const ended = await run(place, streamId, step, pace)
    if (ended === 'killed') expect(await run(place, streamId, 0, pace)).toBe('done')
    await using store = openStore({ engine: engineAt(place) })
    await expectOnce(store, streamId)
    if (pace === 'one by one') await expectSnapshot(store, streamId)
    if (ended === 'done') return step - 1
  }
}

async function expectOnce(store: EventStore, streamId: string): Promise<void> {
  const events = await store.readStream(streamId).toArray()
  let balance = 0
  const expected = commands.flatMap(([commandId, cents], index) => {
    balance += cents
    const id = `${streamId} ${commandId}`
    return [
      [id, { cents }],
      [id, { deposits: index + 1, balance }],
    ]
  })
  expect(events.map(({ metadata, data }) => [metadata.commandId, data])).toEqual(expected)
  const { state } = await foldStream(store, { decider: account, streamId })
  expect(state).toEqual({ balance, deposits: commands.length })
}

async function expectSnapshot(store: EventStore, streamId: string): Promise<void> {
  const { snapshotVersion } = await foldStream(store, { decider: account, streamId })
  expect(snapshotVersion).toBeGreaterThan(0)
}

const [often, seldom] = thorough ? [1, 1] : [3, 6]

describe('a command that is sent again after a kill at any step', () => {
  const folder = crashFolder('execute')
  afterAll(() => rmSync(folder, { recursive: true, force: true }))

  it('takes effect once, on SQLite', { timeout: 120_000 }, async () => {
    expect(await killedAtSteps(join(folder, 'store.db'), 'one by one', often)).toBeGreaterThan(20)
    expect(await killedAtSteps(join(folder, 'store.db'), 'at once', 1)).toBeGreaterThan(5)
  })

  onNewestPostgres(({ cluster }) => {
    it('takes effect once', { timeout: 180_000 }, async () => {
      await using database = await freshDatabase(await cluster())
      expect(await killedAtSteps(database.url, 'one by one', seldom)).toBeGreaterThan(20)
      expect(await killedAtSteps(database.url, 'at once', 1)).toBeGreaterThan(5)
    })
  })
})
