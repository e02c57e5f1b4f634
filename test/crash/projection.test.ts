import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { rebuild } from 'varve'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { thorough } from '../thorough.ts'
import { openLog, type Tally, tallied, tallyProjection, tillEvents } from './tally.ts'

const kills = thorough ? 20 : 10
const program = fileURLToPath(new URL('./project-until-killed.ts', import.meta.url))
let folder = ''

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'varve-crash-projection-'))
})
afterAll(() => rmSync(folder, { recursive: true, force: true }))

async function appendSome(events: number): Promise<void> {
  await using store = openLog(folder)
  const stream = store.category('Till', tillEvents).stream('all')
  const from = await store.head()
  const rung = Array.from({ length: events }, (_, index) => {
    const cents = (from + index) * 7 + 1
    return { type: 'Rung' as const, data: { till: cents % 5, cents } }
  })
  await stream.append(rung)
}

/** The read model as the log says it should be, up to a position. */
async function foldUpTo(position: number): Promise<Map<number, Tally>> {
  await using store = openLog(folder)
  const tills = new Map<number, Tally>()
  for await (const { data, position: at } of store.category('Till', tillEvents).readAll()) {
    if (at > position) break
    tills.set(data.till, tallied(tills.get(data.till) ?? { cents: 0, events: 0, digest: 0 }, data.cents))
  }
  return tills
}

async function readModel(): Promise<{ readonly position: number; readonly tills: Map<number, Tally> }> {
  const { target } = tallyProjection(folder)
  const position = (await target.checkpoint('tally'))?.position ?? 0
  const rows = target.readModel.prepare('select * from tally').all() as unknown as (Tally & { till: number })[]
  const tills = new Map(rows.map(({ till, cents, events, digest }) => [till, { cents, events, digest }]))
  await target.close()
  return { position, tills }
}

/** Dies at a moment the clock chooses, or after so many begins and commits. */
type Death = { readonly afterMs: number } | { readonly afterCommits: number }

async function runUntilKilled(death: Death): Promise<void> {
  const commits = 'afterCommits' in death ? death.afterCommits : 0
  const args = [program, folder, String(commits)]
  const child: ChildProcess = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit'] })
  const ended = once(child, 'exit')
  if ('afterMs' in death) {
    await Promise.race([once(child.stdout ?? child, 'data'), ended])
    // The moment of the kill is what this test is about: no condition could be waited for.
    await pause(death.afterMs)
    child.kill('SIGKILL')
  }
  const [code, signal] = await ended
  expect({ code, signal }).toEqual({ code: null, signal: 'SIGKILL' })
}

it(`keeps read model and checkpoint together through ${kills} kills`, { timeout: 180_000 }, async () => {
  const reached = new Set<number>()
  for (let kill = 0; kill < kills; kill++) {
    await appendSome(4_000)
    await runUntilKilled(kill % 2 === 0 ? { afterMs: kill * 3 } : { afterCommits: (kill + 1) / 2 })
    const { position, tills } = await readModel()
    reached.add(position)
    expect(tills).toEqual(await foldUpTo(position))
  }
  // Had every kill met a read model that was up to date, nothing would have been shown.
  expect([...reached].some((position) => position % 4_000 !== 0)).toBe(true)

  await using store = openLog(folder)
  const projection = tallyProjection(folder)
  await rebuild(store, projection)
  await projection.target.close()
  const { position, tills } = await readModel()
  expect([position, tills]).toEqual([kills * 4_000, await foldUpTo(kills * 4_000)])
})
