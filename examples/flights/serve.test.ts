import { equal, match } from 'node:assert/strict'
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { openStore } from 'varve'
import { sqlite } from 'varve/sqlite'
import { afterEach, beforeEach, describe, it } from 'vitest'

const program = join(import.meta.dirname, 'serve.ts')
const ready = /Ctrl-C ends it/

/** The demonstration as a process of its own. */
interface Demo {
  readonly process: ChildProcess
  output(): string
  /** Resolves once the output says so; rejects when the process ends before. */
  says(pattern: RegExp): Promise<void>
  exitCode(): Promise<number | null>
}

let folder = ''
let demos: Demo[] = []

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'varve-serve-'))
  demos = []
})
afterEach(async () => {
  for (const demo of demos) demo.process.kill('SIGKILL')
  await Promise.all(demos.map((demo) => demo.exitCode()))
  rmSync(folder, { recursive: true, force: true })
})

function start(...args: readonly string[]): Demo {
  const child = spawn(process.execPath, [program, ...args], { cwd: folder })
  let text = ''
  const closed = once(child, 'close')
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk) => (text += chunk))
  const demo: Demo = {
    process: child,
    output: () => text,
    says: async (pattern) => {
      while (!pattern.test(text)) {
        if (child.exitCode !== null) throw new Error(`ended with ${child.exitCode}:\n${text}`)
        await Promise.race([once(child.stdout, 'data'), closed])
      }
    },
    exitCode: async () => {
      await closed
      return child.exitCode
    },
  }
  demos.push(demo)
  return demo
}

async function headOf(demo: Demo): Promise<number> {
  const url = /at (http:\S+)/.exec(demo.output())?.[1]
  const { head } = (await (await fetch(`${url}/head`)).json()) as { head: number }
  return head
}

async function stopped(demo: Demo): Promise<number | null> {
  demo.process.kill('SIGINT')
  return demo.exitCode()
}

describe('the demonstration', { timeout: 120_000 }, () => {
  it('completes a load that was killed, and adds nothing after that', async () => {
    await using store = openStore({ engine: sqlite({ path: join(folder, 'flights.db') }) })
    const args = ['--store', 'sqlite:flights.db', '--port', '0']
    const killed = start(...args)
    for await (const { position } of store.subscribe()) if (position >= 5_000) break
    killed.process.kill('SIGKILL')
    await killed.exitCode()

    const second = start(...args)
    await second.says(ready)
    equal(await headOf(second), 40_000)
    match(second.output(), /LAX to PHX {4}59 flights/)
    equal(await stopped(second), 0)

    const third = start(...args)
    await third.says(ready)
    match(third.output(), /loaded already/)
    equal(await headOf(third), 40_000)
    equal(await stopped(third), 0)
  })

  it('says what to do when the port is in use', async () => {
    await using other = createServer()
    await once(other.listen(0, '127.0.0.1'), 'listening')
    const demo = start('--store', 'memory:', '--port', String((other.address() as AddressInfo).port))
    equal(await demo.exitCode(), 1)
    match(demo.output(), /^The port is in use\. Stop what listens there, or choose another one/)
  })

  it('names the flags it has when it is given another', async () => {
    const demo = start('--prot', '2114')
    equal(await demo.exitCode(), 1)
    match(demo.output(), /Unknown option '--prot'.* There are --port and --store/)
  })
})
