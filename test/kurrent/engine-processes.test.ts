import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterEach, describe, expect, it, vi } from 'vitest'
import { serverConfig } from '../../server/src/config.ts'
import { startServer } from '../../server/src/server.ts'
import { kurrentdb } from '../../store/src/engines/kurrentdb/index.ts'
import type { RecordedEvent } from '../../store/src/model/event.ts'
import { openStore } from '../../store/src/open-store.ts'
import type { Answered, Writing } from './engine-writer.ts'

type Server = Awaited<ReturnType<typeof startServer>>

/** Appends of each process; more by VARVE_KURRENT_RACE_APPENDS, for long runs. */
const appends = Number(process.env.VARVE_KURRENT_RACE_APPENDS ?? 6)
const streams = 3
const namespace = 'race'

const folders: string[] = []
const children: ChildProcess[] = []
let server: Server | undefined

afterEach(async () => {
  for (const child of children.splice(0)) child.kill('SIGKILL')
  await server?.close()
  for (const folder of folders.splice(0)) rmSync(folder, { recursive: true, force: true })
})

describe('processes that keep a store in one KurrentDB', () => {
  it('race with eight of them for the versions of the same streams, and each version has one winner', async () => {
    const url = await serve()
    const names = Array.from({ length: 8 }, (_, at) => `writer-${at}`)
    const writers = await Promise.all(names.map((name) => start({ url, namespace, name, appends, streams })))

    for (const { child } of writers) child.send('go')
    await Promise.all(writers.map(({ over }) => over))

    const answers = writers.flatMap(({ answered }) => answered)
    expectOnce(await logAt(url), answers, names.length * appends)
    // Without a conflict they never met, and this test has shown nothing.
    expect(answers.reduce((sum, { conflicts }) => sum + conflicts, 0)).toBeGreaterThan(0)
  })

  it('lose one by kill -9: what it was told of is there, once, and others go on where it stood', async () => {
    const url = await serve()
    const killed = await start({ url, namespace, name: 'killed', appends: 100_000, streams })
    killed.child.send('go')
    await vi.waitUntil(() => killed.answered.length >= 20, { timeout: 20_000 })
    killed.child.kill('SIGKILL')
    await once(killed.child, 'exit')

    const next = await start({ url, namespace, name: 'next', appends, streams })
    next.child.send('go')
    await next.over

    const log = await logAt(url)
    const written = log.filter((event) => nameOf(event).startsWith('killed')).length
    expect(written - killed.answered.length).toSatisfy((more: number) => more === 0 || more === 1)
    expectOnce(log, [...killed.answered, ...next.answered], written + appends)
  })

  it('are cut off by a restart of the server, try again, and neither lose nor double an event', async () => {
    const url = await serve()
    const writing = { url, namespace, appends: appends * 5, streams }
    const writers = await Promise.all(['left', 'right'].map((name) => start({ ...writing, name })))
    for (const { child } of writers) child.send('go')

    for (const least of [4, 20]) {
      await vi.waitUntil(() => writers.every(({ answered }) => answered.length >= least), { timeout: 20_000 })
      await restart(url)
    }
    await Promise.all(writers.map(({ over }) => over))

    expectOnce(
      await logAt(url),
      writers.flatMap(({ answered }) => answered),
      2 * appends * 5,
    )
  })
})

/** Starts a server over a file and gives the connection string of it. */
async function serve(): Promise<string> {
  const folder = mkdtempSync(join(tmpdir(), 'varve-kurrent-race-'))
  folders.push(folder)
  server = await startServer(serverConfig({ store: `sqlite:${join(folder, 'race.db')}`, port: 0, logLevel: 'silent' }))
  return `kurrentdb://${new URL(server.url).host}?tls=false`
}

/** Ends the server and starts it again, over the same file and at the same port. */
async function restart(url: string): Promise<void> {
  await server?.close()
  const store = `sqlite:${join(folders[0] ?? '', 'race.db')}`
  server = await startServer(serverConfig({ store, port: Number(new URL(url).port), logLevel: 'silent' }))
}

interface Writer {
  readonly child: ChildProcess
  readonly answered: readonly Answered[]
  readonly over: Promise<unknown>
}

async function start(writing: Writing): Promise<Writer> {
  const program = fileURLToPath(new URL('./engine-writer.ts', import.meta.url))
  const child = fork(program, [JSON.stringify(writing)], { execPath: process.execPath })
  children.push(child)
  await once(child, 'message')
  const answered: Answered[] = []
  const over = new Promise((resolve, reject) => {
    child.on('message', (message) => (message === 'over' ? resolve(message) : answered.push(message as Answered)))
    child.on('exit', (code) => (code === 0 ? resolve(code) : reject(new Error(`a writer ended with ${code}`))))
  })
  over.catch(() => undefined)
  return { child, answered, over }
}

async function logAt(url: string): Promise<readonly RecordedEvent[]> {
  await using store = openStore({ engine: kurrentdb({ url, namespace }) })
  return await store.readAll().toArray()
}

function expectOnce(log: readonly RecordedEvent[], answers: readonly Answered[], events: number): void {
  const places = new Map(log.map((event) => [nameOf(event), event.position]))
  expect({ events: log.length, distinct: places.size }).toEqual({ events, distinct: events })
  expect(answers.filter(({ id, position }) => places.get(id) !== position)).toEqual([])
  for (let stream = 0; stream < streams; stream++) {
    const versions = log.filter(({ streamId }) => streamId === `Race-${stream}`).map(({ version }) => version)
    expect(versions).toEqual(versions.map((_, at) => at + 1))
  }
}

function nameOf({ data }: RecordedEvent): string {
  const { name, number } = data as { readonly name: string; readonly number: number }
  return `${name} ${number}`
}
