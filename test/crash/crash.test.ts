import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { fileURLToPath } from 'node:url'
import { afterAll, describe, expect, it } from 'vitest'
import { seeded } from '../../store/src/conformance/seeded.ts'
import { sqlite } from '../../store/src/engines/sqlite/index.ts'
import { openStore } from '../../store/src/open-store.ts'
import { thorough } from '../thorough.ts'
import { crashFolder } from './crash-folder.ts'
import { type Acknowledged, type Entry, readJournal, type Sent } from './journal.ts'
import { surviveKill } from './survive-kill.ts'
import type { Place } from './surviving-events.ts'

const kills = Number(process.env.CRASH_KILLS ?? (thorough ? 100 : 40))
const seed = Number(process.env.CRASH_SEED ?? Math.floor(Math.random() * 2 ** 31))
const random = seeded(seed)

const folder = crashFolder('kills')
const path = join(folder, 'store.db')
const writer = fileURLToPath(new URL('./writer.ts', import.meta.url))

/** Everything that was ever acknowledged, in any life. */
const promised = new Map<string, Place>()

describe(`a writer that is killed ${kills} times (CRASH_SEED=${seed})`, () => {
  afterAll(() => rmSync(folder, { recursive: true, force: true }))

  it('loses nothing it acknowledged, leaves nothing half done, and repeats safely', { timeout: 300_000 }, async () => {
    let acknowledged = 0
    let unanswered = 0
    for (let life = 0; life < kills; life++) {
      const journal = await liveAndDie(life)
      await using store = openStore({ engine: sqlite({ path }) })
      const survived = await surviveKill(store, { journal, promised, random })
      acknowledged += survived.acknowledged
      unanswered += survived.unanswered
    }
    console.info(`${kills} kills, seed ${seed}: ${acknowledged} appends acknowledged, ${unanswered} cut off`)

    expect(acknowledged).toBeGreaterThan(kills)
    expect(unanswered).toBeGreaterThan(kills / 2)
    expect(integrity()).toBe('ok')
  })
})

/** Starts a writer and kills it: one in five while it starts and opens, the others while they append. */
async function liveAndDie(life: number): Promise<readonly (Sent | Acknowledged)[]> {
  const journal = join(folder, `journal-${life}`)
  writeFileSync(journal, '')
  const order = { path, journal, seed: random.below(2 ** 31), life, chunkEvents: random.pick([16, 100, 8_192]) }
  const startedAt = performance.now()
  const child = spawn(process.execPath, [writer, JSON.stringify(order)], {
    stdio: ['ignore', 'inherit', 'inherit'],
    // Compiled code is kept between lives: starting is what this test would otherwise spend its time on.
    env: { ...process.env, NODE_COMPILE_CACHE: join(folder, 'compiled') },
  })
  const ended = once(child, 'exit')
  if (life > 0 && random.oneIn(5)) await pause(random.below(startMs * 1.2))
  else {
    await reached(child, journal, 'opened', 1)
    startMs = performance.now() - startedAt
    // However slow the disk is, something was acknowledged in most lives, and in some nothing.
    await reached(child, journal, 'acknowledged', random.below(30))
    await pause(random.below(20))
  }
  child.kill('SIGKILL')
  const [code, signal] = await ended
  expect({ code, signal }).toEqual({ code: null, signal: 'SIGKILL' })
  return readJournal(journal).filter((entry) => entry.kind !== 'opened')
}

/** What starting took last time; where kills during the start are aimed. */
let startMs = 0

async function reached(child: ChildProcess, journal: string, kind: Entry['kind'], times: number): Promise<void> {
  while (readJournal(journal).filter((entry) => entry.kind === kind).length < times) {
    if (child.exitCode !== null) throw new Error(`the writer ended by itself with exit code ${child.exitCode}`)
    await pause(2)
  }
}

/** The moment of a kill is chance, not a condition to wait for. */
function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms))
}

function integrity(): unknown {
  expect(existsSync(path)).toBe(true)
  const db = new DatabaseSync(path)
  const row = db.prepare('pragma integrity_check').get()
  db.close()
  return row?.integrity_check
}
