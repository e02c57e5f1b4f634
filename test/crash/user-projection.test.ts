import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { rmSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { type EventStore, openStore } from 'varve'
import { sqlite } from 'varve/sqlite'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { type Registered, Registry } from '../../server/src/kurrent/projections/registry.ts'
import { crashFolder } from './crash-folder.ts'

const kills = Number(process.env.VARVE_CRASH_KILLS ?? 4)
const eventsEach = 1_500
const program = fileURLToPath(new URL('./emit-until-killed.ts', import.meta.url))
let path = ''
const started: ChildProcess[] = []

beforeAll(() => {
  path = join(crashFolder('user-projection'), 'store.db')
})
afterAll(() => {
  for (const child of started) child.kill('SIGKILL')
  rmSync(join(path, '..'), { recursive: true, force: true })
})

const query = `fromCategory('Till').foreachStream().when({
  $init: () => ({ sum: 0 }),
  Rung(s, e) {
    s.sum += e.body.cents
    emit('sums', 'Sum', { till: e.streamId, sum: s.sum })
    linkTo('links', e)
  } }).outputState()`

const registered: Registered = {
  name: 'sums',
  id: '0198c6e2-5b1a-7c3e-8f00-3d1f2a4b5c6d',
  mode: 'continuous',
  query,
  emitEnabled: true,
  trackEmitted: false,
  engineVersion: 1,
  epoch: 0,
  version: 1,
  wanted: 'running',
  fault: null,
  completed: false,
}

it(`emits everything once, in its order, through ${kills} kills`, { timeout: 180_000 }, async () => {
  {
    await using store = openStore({ engine: sqlite({ path }) })
    await new Registry(store).create(registered)
  }
  const reached = new Set<number>()
  for (let kill = 0; kill < kills; kill++) {
    await appendSome()
    await runUntilKilled(kill % 2 === 0 ? { afterMs: kill * 20 } : { atStep: 3 + (kill - 1) / 2 })
    await using store = openStore({ engine: sqlite({ path }) })
    reached.add(await refuseWrong(store, 'some'))
  }
  // Had every kill met a projection that was up to date, nothing would have been shown.
  expect([...reached].some((emitted) => emitted % eventsEach !== 0)).toBe(true)

  await runUntilDone()
  await using store = openStore({ engine: sqlite({ path }) })
  expect(await refuseWrong(store, 'all')).toBe(kills * eventsEach)
})

async function appendSome(): Promise<void> {
  await using store = openStore({ engine: sqlite({ path }) })
  const from = await store.head()
  const tills = [0, 1, 2, 3, 4]
  await store.appendAll(
    tills.map((till) => ({
      streamId: `Till-${till}`,
      events: Array.from({ length: eventsEach / 5 }, (_, at) => ({ type: 'Rung', data: { cents: (from + at) % 97 } })),
    })),
  )
}

/** What is written is what the log says, up to somewhere. Gives how many events it was written for. */
async function refuseWrong(store: EventStore, how: 'some' | 'all'): Promise<number> {
  const sums = new Map<string, number>()
  const expected: { till: string; sum: number }[] = []
  const links: string[] = []
  for await (const { streamId, data, version } of store.readAll({ filter: { types: ['Rung'] } })) {
    const sum = (sums.get(streamId) ?? 0) + (data as { cents: number }).cents
    sums.set(streamId, sum)
    expected.push({ till: streamId, sum })
    links.push(`${version - 1}@${streamId}`)
  }
  const emitted = await store.readStream('sums').toArray()
  const linked = await store.readStream('links').toArray()
  const count = how === 'all' ? expected.length : emitted.length
  expect(emitted.map(({ data }) => data)).toEqual(expected.slice(0, count))
  expect(linked.map(({ rawData }) => Buffer.from(rawData).toString())).toEqual(links.slice(0, count))
  const results = await store.readStream('$projections-sums-Till-3-result').toArray()
  const changing = changes(expected.slice(0, count).filter(({ till }) => till === 'Till-3'))
  expect(results.map(({ data }) => data)).toEqual(changing)
  return count
}

/** Results are written when they change. */
function changes(sums: readonly { readonly sum: number }[]): readonly { readonly sum: number }[] {
  return sums.map(({ sum }) => ({ sum })).filter(({ sum }, at, all) => sum !== all[at - 1]?.sum)
}

type Death = { readonly afterMs: number } | { readonly atStep: number }

async function runUntilKilled(death: Death): Promise<void> {
  const child = start('atStep' in death ? death.atStep : 0)
  const ended = once(child, 'exit')
  if ('afterMs' in death) {
    await Promise.race([once(child.stdout, 'data'), ended])
    // The moment of the kill is what this test is about: no condition could be waited for.
    await pause(death.afterMs)
    child.kill('SIGKILL')
  }
  expect(await ended).toEqual([null, 'SIGKILL'])
}

async function runUntilDone(): Promise<void> {
  const child = start(0)
  await using store = openStore({ engine: sqlite({ path }) })
  const emitted = async (): Promise<number> => (await store.streamInfo('sums')).version
  await expect.poll(emitted, { timeout: 120_000 }).toBe(kills * eventsEach)
  const ended = once(child, 'exit')
  child.kill('SIGKILL')
  await ended
}

function start(atStep: number) {
  const args = [program, path, String(atStep)]
  const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit'] })
  started.push(child)
  return child
}
