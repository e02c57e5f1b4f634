import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { rmSync } from 'node:fs'
import { setTimeout as pause } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { type Claim, claimCheck, collectOrphans, verifyBlobs } from 'varve'
import { afterAll, expect, it } from 'vitest'
import type { Clock } from '../../store/src/engine/clock.ts'
import { systemClock } from '../../store/src/engine/system-clock.ts'
import { thorough } from '../thorough.ts'
import { blobsIn, contractBytes, openContracts } from './contracts.ts'
import { crashFolder } from './crash-folder.ts'

const kills = thorough ? 16 : 8
const folder = crashFolder('claims')
afterAll(() => rmSync(folder, { recursive: true, force: true }))

async function runUntilKilled(program: string, args: readonly string[], afterMs: number | undefined): Promise<void> {
  const path = fileURLToPath(new URL(program, import.meta.url))
  const child = spawn(process.execPath, [path, folder, ...args], { stdio: ['ignore', 'pipe', 'inherit'] })
  const ended = once(child, 'exit')
  await Promise.race([once(child.stdout, 'data'), ended])
  if (afterMs !== undefined) {
    // The moment of the kill is what this test is about: no condition could be waited for.
    await pause(afterMs)
    child.kill('SIGKILL')
  }
  const [code, signal] = await ended
  expect({ code, signal }).toEqual({ code: null, signal: 'SIGKILL' })
}

/** Reads everything, and fails where an event names a blob that is not there or not what it was. */
async function takeStock(): Promise<{ readonly numbers: readonly number[]; readonly blobs: number }> {
  await using store = openContracts(folder)
  let blobs = 0
  for await (const finding of verifyBlobs(blobsIn(folder), [store])) {
    expect(finding).toMatchObject({ kind: 'blob', state: 'sound' })
    blobs++
  }
  const claims = claimCheck(blobsIn(folder))
  const numbers: number[] = []
  for await (const event of store.readAll()) {
    const { number, scan } = event.data as { number: number; scan: Claim }
    if (number % 10 === 0) expect(Buffer.compare(await claims.redeem(scan), contractBytes(number))).toBe(0)
    numbers.push(number)
  }
  return { numbers, blobs }
}

/** So what was set aside in this very millisecond is older than no time at all. */
const aSecondAhead: Clock = { ...systemClock, now: () => systemClock.now() + 1_000 }

async function collected(): ReturnType<typeof collectOrphans> {
  await using store = openContracts(folder)
  return await collectOrphans(blobsIn(folder), [store], { olderThanMs: 0, clock: aSecondAhead })
}

it(`a writer never leaves an event without its blob, in ${kills} kills`, { timeout: 180_000 }, async () => {
  let orphans = 0
  let next = 1
  for (let kill = 0; kill < kills; kill++) {
    const isBetween = kill % 2 === 0
    const checkIns = String(isBetween ? 2 + kill : 0)
    await runUntilKilled('check-in-until-killed.ts', [String(next), checkIns], isBetween ? undefined : 5 + kill * 3)
    const { numbers, blobs } = await takeStock()
    const left = blobs - numbers.length
    if (isBetween) expect(left).toBe(1)
    expect(await collected()).toMatchObject({ named: numbers.length, setAside: left })
    expect(await collected()).toMatchObject({ named: numbers.length, removed: left, setAside: 0 })
    expect(await takeStock()).toEqual({ numbers, blobs: numbers.length })
    orphans += left
    // The number of an orphan is not used again, so that it would be missed.
    next = (numbers.at(-1) ?? next) + 2
  }
  expect(orphans).toBeGreaterThanOrEqual(kills / 2)
})

it(`a collection takes no blob that an event names, in ${kills} kills`, { timeout: 180_000 }, async () => {
  const { numbers } = await takeStock()
  expect(numbers.length).toBeGreaterThan(kills)
  for (let kill = 0; kill < kills; kill++) {
    await runUntilKilled('collect-until-killed.ts', [], kill * 4)
    expect((await takeStock()).numbers).toEqual(numbers)
  }
  await collected()
  await collected()
  expect(await takeStock()).toEqual({ numbers, blobs: numbers.length })
})
