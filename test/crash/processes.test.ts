import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import { rmSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, describe, expect, it, vi } from 'vitest'
import { sqlite } from '../../store/src/engines/sqlite/index.ts'
import { openStore } from '../../store/src/open-store.ts'
import { crashFolder } from './crash-folder.ts'

interface Tailed {
  readonly position: number
  readonly streamId: string
  readonly version: number
  readonly data: { readonly name: string; readonly number: number }
  readonly atMs: number
}

const appends = 400
const streams = 5
/** A foreign commit is noticed by looking at the file, at most every 100 ms; relying on the poll alone takes 2,000. */
const wakeUpMsMax = 1_000

const folder = crashFolder('processes')
const path = join(folder, 'store.db')
const children: ChildProcess[] = []

describe('two processes that append to the same streams, and a third that follows', () => {
  afterAll(() => {
    for (const child of children) child.kill()
    rmSync(folder, { recursive: true, force: true })
  })

  it('lose nothing, leave no hole, and wake the follower', { timeout: 60_000 }, async () => {
    const tail = await start('./tail.ts', path)
    const tailed: Tailed[] = []
    tail.on('message', (message) => tailed.push(message as Tailed))
    const writers = await Promise.all(
      ['left', 'right'].map((name) => start('./racing-writer.ts', JSON.stringify({ path, name, appends, streams }))),
    )

    const ended = writers.map((writer) => once(writer, 'message'))
    for (const writer of writers) writer.send('go')
    const reports = (await Promise.all(ended)).map(([report]) => report as { readonly conflicts: number })
    await vi.waitFor(() => expect(tailed.length).toBe(appends * 2), { timeout: 30_000 })

    expect(tailed.map(({ position }) => position)).toEqual(Array.from({ length: appends * 2 }, (_, at) => at + 1))
    expect(new Set(tailed.map(({ data }) => `${data.name} ${data.number}`)).size).toBe(appends * 2)
    for (let stream = 0; stream < streams; stream++) {
      const versions = tailed.filter(({ streamId }) => streamId === `Race-${stream}`).map(({ version }) => version)
      expect(versions).toEqual(versions.map((_, at) => at + 1))
    }
    // Without a conflict the two never met, and this test has shown nothing.
    expect(reports.reduce((conflicts, report) => conflicts + report.conflicts, 0)).toBeGreaterThan(0)

    expect(await wakeUpsMs(tailed)).toSatisfy((ms: readonly number[]) => median(ms) < wakeUpMsMax)
  })
})

/** Appends alone, each time after everything was quiet, and tells how long the follower took to see it. */
async function wakeUpsMs(tailed: readonly Tailed[]): Promise<readonly number[]> {
  await using store = openStore({ engine: sqlite({ path }) })
  const took: number[] = []
  for (let number = 0; number < 5; number++) {
    const { position } = await store.append('Race-0', [{ type: 'Raced', data: { name: 'alone', number } }])
    const appendedAtMs = Date.now()
    const seen = await vi.waitUntil(() => tailed.find((event) => event.position === position), { timeout: 10_000 })
    took.push(seen.atMs - appendedAtMs)
  }
  return took
}

function median(values: readonly number[]): number {
  return [...values].sort((left, right) => left - right)[Math.floor(values.length / 2)] ?? Number.NaN
}

async function start(module: string, argument: string): Promise<ChildProcess> {
  const child = fork(fileURLToPath(new URL(module, import.meta.url)), [argument], { execPath: process.execPath })
  children.push(child)
  await once(child, 'message')
  return child
}
