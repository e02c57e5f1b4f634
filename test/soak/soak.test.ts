import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { performance } from 'node:perf_hooks'
import { setTimeout as pause } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { describe, expect, it, onTestFinished } from 'vitest'
import { crashFolder } from '../crash/crash-folder.ts'
import { sayWhy } from '../postgres/on-postgres.ts'
import type { SoakOrder } from './clients.ts'
import type { Held } from './served.ts'

/** A release is soaked for ten minutes: VARVE_SOAK_SECONDS=600, with 200 connections and 1,000 subscriptions. */
const seconds = Number(process.env.VARVE_SOAK_SECONDS ?? 6)
const processes = 4
const connections = seconds < 60 ? 10 : 50
const subscriptions = 5

/** Growth of the heap that says nothing: what the log itself keeps of more events, and code that was compiled meanwhile. */
const heapSlackBytes = 24 * 1024 * 1024

/** Connections of each process that come between counting on the one side and on the other: one client comes each second. */
const comingMax = 5

const program = (name: string): string => fileURLToPath(new URL(`./${name}.ts`, import.meta.url))

const reason = sayWhy(process.platform === 'linux' ? undefined : 'open files are counted in /proc, which Linux has')

describe.skipIf(reason)(`a server that is used for ${seconds} s`, () => {
  it('holds no more memory and no more files in the end, whoever went away without a word', {
    timeout: seconds * 1_000 + 120_000,
  }, async () => {
    const problems: string[] = []
    const { server, host } = await served()
    const atRest = await heldBy(server)
    const clients = Array.from({ length: processes }, (_, nth) => started(host, `soak${nth}`, problems))
    await Promise.all(clients.map((client) => once(client, 'message')))
    const endsAt = performance.now() + seconds * 1_000
    await pause(seconds * 200)
    const early = await heldBy(server)
    for (let nth = 0; performance.now() < endsAt; nth++) {
      await pause((seconds * 1_000) / 8)
      clients.shift()?.kill('SIGKILL')
      const next = started(host, `soak-again${nth}`, problems)
      clients.push(next)
      await once(next, 'message')
    }
    await pause(2_000)
    const late = await heldBy(server)
    const clientSockets = (await Promise.all(clients.map(socketsOf))).reduce((sum, one) => sum + one, 0)
    for (const client of clients) client.kill('SIGKILL')
    await expect.poll(async () => (await heldBy(server)).openFiles).toBeLessThanOrEqual(atRest.openFiles + 2)
    process.stdout.write(
      `${JSON.stringify({ seconds, atRest, early, late, clientSockets, left: await heldBy(server) })}\n`,
    )
    expect(problems).toEqual([])
    expect(late.heapBytes).toBeLessThan(early.heapBytes * 1.2 + heapSlackBytes)
    // What the clients hold open the server does too, and nothing beyond that.
    expect(late.openFiles).toBeLessThanOrEqual(atRest.openFiles + clientSockets + processes * comingMax)
    expect(clientSockets).toBeGreaterThanOrEqual(processes * connections)
  })
})

async function served(): Promise<{ server: ChildProcess; host: string }> {
  const store = `sqlite:${join(crashFolder('soak'), 'soak.db')}`
  const server = fork(program('served'), [store], { execArgv: ['--expose-gc'] })
  onTestFinished(async () => {
    if (server.exitCode !== null) return
    server.disconnect()
    await once(server, 'exit')
  })
  const [host] = (await once(server, 'message')) as [string]
  return { server, host }
}

async function heldBy(server: ChildProcess): Promise<Held> {
  server.send('held')
  const [held] = (await once(server, 'message')) as [Held]
  return held
}

async function socketsOf(client: ChildProcess): Promise<number> {
  client.send('count')
  for (;;) {
    const [message] = (await once(client, 'message')) as [{ readonly sockets?: number }]
    if (message.sockets !== undefined) return message.sockets
  }
}

function started(host: string, name: string, problems: string[]): ChildProcess {
  const order: SoakOrder = { host, connections, subscriptions, name }
  const client = fork(program('clients'), [JSON.stringify(order)])
  client.on('message', ({ problem }: { readonly problem?: string }) => {
    if (problem !== undefined) problems.push(problem)
  })
  onTestFinished(() => void client.kill('SIGKILL'))
  return client
}
