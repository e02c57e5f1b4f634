import { rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { listProjections, openStore, type ProjectionState, type ProjectionStatus } from 'varve'
import { sqlite } from 'varve/sqlite'
import { afterAll, afterEach, beforeEach, describe, expect, it } from 'vitest'
import { type Ended, type Running, start, temporaryFolder, varve } from '../../../test/cli/varve.ts'
import { until as untilSo } from '../../../test/projections/stock.ts'
import { runProgram } from './program.ts'
import type { Terminal } from './terminal.ts'

const folder = temporaryFolder()
symlinkSync(join(import.meta.dirname, '../../../node_modules'), join(folder.path, 'node_modules'))
afterAll(folder.remove)

writeFileSync(
  join(folder.path, 'projections.ts'),
  `import { existsSync } from 'node:fs'
  import { defineEvents, defineProjection, event } from 'varve'
  import { sqliteTarget } from 'varve/targets/sqlite'

  const pieces = Number(process.env.PIECES ?? 1)
  const events = defineEvents({ Received: event<{ sku: string }>() })
  const target = sqliteTarget({ path: 'read-models.db' })
  const counting = (name, onFailure) => defineProjection({
    name, events, target, onFailure: () => onFailure,
    empty: (db) => db.exec(\`drop table if exists \${name}; create table \${name} (sku text primary key, pieces int) strict\`),
    on: {
      Received: (db, { data: { sku } }) => {
        if (sku === 'bad' && !existsSync('mended')) throw new RangeError('no shelf for bad')
        db.prepare(\`insert into \${name} values (?, 1) on conflict do update set pieces = pieces + ?\`).run(sku, pieces)
      },
    },
  })
  export const strict = counting('strict', 'stop')
  export const others = { lenient: counting('lenient', 'park_event') }
  export const notOne = 7`,
)

const running: Running[] = []
beforeEach(() => {
  for (const name of ['shop.db', 'read-models.db', 'mended']) {
    for (const end of ['', '-wal', '-shm']) rmSync(join(folder.path, name + end), { force: true })
  }
})
afterEach(async () => {
  // Workers before the server that they ask: without it they would try for a while to give back what they ran.
  for (const { child, ended } of running.splice(0).reverse()) {
    child.kill('SIGTERM')
    await ended
  }
})

const store = 'sqlite:shop.db'
const run = (words: readonly string[], at = store): Promise<Ended> =>
  varve(folder.path, ['projections', ...words, '--store', at])

async function receive(...skus: readonly string[]): Promise<void> {
  await using opened = openStore({ engine: sqlite({ path: join(folder.path, 'shop.db') }) })
  await opened.append(
    'Stock-1',
    skus.map((sku) => ({ type: 'Received', data: { sku } })),
  )
}

/** Waits until a projection is as wanted, by looking at the store itself: a command for each look would take long. */
async function until(name: string, isSo: (status: ProjectionStatus) => boolean): Promise<void> {
  await using opened = openStore({ engine: sqlite({ path: join(folder.path, 'shop.db') }) })
  await untilSo(async () => {
    const found = (await listProjections(opened)).find((status) => status.name === name)
    return found !== undefined && isSo(found)
  })
}

const untilState = (name: string, state: ProjectionState): Promise<void> =>
  until(name, (status) => status.state === state)

function startWorker(words: readonly string[] = [], at = store): Running {
  const worker = start(folder.path, ['projections', 'run', 'projections.ts', '--store', at, '--lease', '1s', ...words])
  running.push(worker)
  return worker
}

async function serve(): Promise<string> {
  const server = start(folder.path, ['serve', '--store', store, '--port', '0', '--json'])
  running.push(server)
  return JSON.parse((await server.printed(/\n/)).split('\n')[0] ?? '').url
}

describe('varve projections run', () => {
  it('works until it is asked to end, says what happens, and gives back what it ran', async () => {
    await receive('tea', 'bad')
    const worker = startWorker(['--instance', 'worker-1'])
    await worker.printed(
      /strict\/1\/1\tStopped at event 2 \(Received of Stock-1\): no shelf for bad \(RangeError\)\. Mend/,
    )
    await worker.printed(/lenient\/1\/1\tEvent 2 \(Received of Stock-1\) is parked/)
    await untilState('lenient', 'parked')
    await until('lenient', ({ published }) => published === 1)
    await untilState('strict', 'failed')
    expect((await run(['list'])).stdout).toMatch(/^lenient\tparked\t2\t0\t0\t1\t1\nstrict\tfailed\t/)
    worker.child.kill('SIGTERM')
    const { code, stdout, stderr } = await worker.ended
    expect([code, stderr]).toEqual([0, ''])
    expect(stdout).toMatch(/\tinfo\t\tworker-1 runs lenient \(version 1\), strict \(version 1\)\. Ctrl-C ends it\.\n/)
    expect(stdout).toMatch(/\tinfo\tlenient\/1\/1\tGiven back at position 2\.\n/)
    expect((await run(['status', 'lenient', '--json'])).stdout).toMatch(/"state":"parked","owner":null/)
  })

  it('ends soon when it is asked to and the server that it asks is gone, and another one goes on from there', async () => {
    await receive('tea')
    const url = await serve()
    const server = running.at(-1) as Running
    const worker = startWorker(['lenient', '--instance', 'worker-1'], url)
    await until('lenient', ({ position, published }) => position === 1 && published === 1)
    server.child.kill('SIGKILL')
    await server.ended
    await worker.printed(/It tries again/)
    const askedMs = performance.now()
    worker.child.kill('SIGTERM')
    const { code, stdout, stderr } = await worker.ended
    expect(performance.now() - askedMs).toBeLessThan(6_000)
    expect([code, stderr]).toEqual([0, ''])
    expect(stdout).toMatch(/lenient\/1\/1\tIts end could not be written down: it is taken over when the lease ends\./)
    startWorker(['lenient', '--instance', 'worker-2'])
    await receive('milk')
    await until('lenient', ({ position, state }) => position === 2 && state === 'live')
  })

  it('runs some of the projections, and logs JSON lines', async () => {
    await receive('bad')
    const worker = startWorker(['lenient', '--json'])
    const lines = (await worker.printed(/is parked/)).trim().split('\n')
    expect(JSON.parse(lines.find((line) => line.includes('is parked')) ?? '')).toMatchObject({
      ...{ level: 'warn', projection: 'lenient', generation: 1, partition: 1 },
    })
    expect((await run(['list'])).stdout).not.toContain('strict')
  })

  it.each<[readonly string[], number, RegExp]>([
    [['run', 'none.ts'], 2, /none\.ts does not exist/],
    [['run', 'projections.ts', 'stock'], 2, /exports no projection stock. It exports lenient, strict/],
    [['run', 'empty.ts'], 2, /exports no projections/],
    [['run', 'projections.ts', '--lease', '0s'], 2, /lease of at least a second/],
    [['verify', 'projections.ts'], 1, /no store at sqlite:shop\.db/],
  ])('refuses %j', async (words, code, says) => {
    writeFileSync(join(folder.path, 'empty.ts'), 'export const a = 1')
    const ended = await run(words)
    expect([ended.code, ended.stdout]).toEqual([code, ''])
    expect(ended.stderr).toMatch(says)
  })
})

describe('varve projections', () => {
  it('show what failed in columns, and exit with 1', async () => {
    await receive('tea', 'bad')
    await startWorker(['strict', '--instance', 'w']).printed(/Stopped/)
    await untilState('strict', 'failed')
    await until('strict', ({ published }) => published === 1)
    const { code, stdout } = await run(['status', 'strict'])
    expect([code, stdout]).toEqual([
      1,
      'strict\t1\t1\tpublished\t1\tfailed\t0\t2\t0\t\t2\tPROJECTION_FAILED\tno shelf for bad\n',
    ])
    expect((await run(['status', 'none'])).code).toBe(1)
    expect(JSON.parse((await run(['list', '--json'])).stdout)).toMatchObject({ name: 'strict', lag_events: 2 })
  })

  it('are watched until Ctrl-C', async () => {
    await receive('tea')
    startWorker(['lenient'])
    await untilState('lenient', 'live')
    const watching = start(folder.path, ['projections', 'status', 'lenient', '--watch', '--store', store])
    running.push(watching)
    await watching.printed(/^lenient\t1\t.*\nlenient\t1\t/)
    watching.child.kill('SIGINT')
    expect(await watching.ended).toMatchObject({ code: 0, stderr: '' })
  })

  it('skip the event at which one stopped, once that is confirmed', async () => {
    await receive('bad', 'tea')
    startWorker(['strict'])
    await untilState('strict', 'failed')
    expect((await run(['skip', 'strict', '1'])).code).toBe(2)
    expect((await run(['skip', 'strict', '2', '--yes'])).code).toBe(3)
    expect(await run(['skip', 'strict', '1', '--yes'])).toMatchObject({ code: 0, stdout: 'strict\t1\n' })
    expect((await run(['status', 'strict', '--wait', '2'])).code).toBe(0)
  })

  it('replay parked events, confirmed by their number', async () => {
    await receive('bad', 'tea', 'bad')
    startWorker(['lenient'])
    await untilState('lenient', 'parked')
    expect((await run(['parked', 'lenient'])).stdout).toMatch(
      /^1\tReceived\tStock-1\t1\tRangeError\tno shelf for bad\t\t\d{4}-[^\n]*\n3\t/,
    )
    expect((await run(['parked', 'lenient', '--from', '2', '--limit', '1'])).stdout).toMatch(/^3\t[^\n]*\n$/)
    writeFileSync(join(folder.path, 'mended'), '')
    expect((await run(['replay', 'lenient', '--all'])).code).toBe(2)
    expect(await run(['replay', 'lenient', '--all', '--expect', '1'])).toMatchObject({ code: 3, stdout: '' })
    expect((await run(['replay', 'lenient', '3', '--yes'])).stdout).toBe('lenient\t1\n')
    await until('lenient', ({ parked }) => parked === 1)
    expect((await run(['replay', 'lenient', '--all', '--expect', '1', '--json'])).stdout).toBe(
      '{"name":"lenient","replaying":1}\n',
    )
    await untilState('lenient', 'live')
    expect((await run(['replay', 'lenient', '--all', '--yes'])).stderr).toMatch(/None of these events/)
  })

  it.each(['sqlite', 'http'])(
    'pause, resume, rebuild, swap back and retire, at a %s store',
    { timeout: 180_000 },
    async (kind) => {
      await receive('tea')
      const at = kind === 'http' ? await serve() : store
      startWorker(['lenient'], at)
      const told = async (...words: readonly string[]) => (await run(words, at)).stdout
      await until('lenient', ({ state, published }) => state === 'live' && published === 1)
      expect(await told('list')).toBe('lenient\tlive\t1\t0\t0\t0\t1\n')
      expect(await told('pause', 'lenient')).toBe('lenient\tpaused\n')
      await untilState('lenient', 'paused')
      expect((await run(['status', 'lenient', '--wait', '2', '--timeout', '1s'], at)).code).toBe(4)
      expect(await told('resume', 'lenient')).toBe('lenient\trunning\n')
      const rebuilt = await run(['rebuild', 'lenient', '--watch'], at)
      expect(rebuilt).toMatchObject({ code: 0, stdout: 'lenient\t2\n', stderr: 'Readers see generation 2.\n' })
      expect(await told('swap', 'lenient', '1')).toBe('lenient\tswap\t1\n')
      await until('lenient', ({ published }) => published === 1)
      expect((await run(['retire', 'lenient', '1', '--yes'], at)).code).toBe(3)
      expect(await told('retire', 'lenient', '2', '--yes')).toBe('lenient\tretired\t2\n')
    },
  )

  it('verify a read model, and show where the code says something else by now', async () => {
    await receive('tea', 'mug', 'tea')
    startWorker(['lenient'])
    await until('lenient', ({ state, published }) => state === 'live' && published === 1)
    const words = ['projections', 'verify', 'projections.ts', 'lenient', '--store', store]
    expect(await varve(folder.path, words)).toMatchObject({ code: 0, stdout: 'equal\tlenient\t1\t3\t2\t0\t0\n' })
    const { code, stdout } = await varve(folder.path, words, { env: { PIECES: '5' } })
    expect(code).toBe(5)
    expect(stdout).toMatch(
      /^difference\tlenient\t[^\t]*tea[^\t]*\t[^\t]*6[^\t]*\t[^\t]*2[^\t]*\ndiffers\tlenient\t1\t3\t2\t1\t0\n$/,
    )
  })

  it.each([
    'list',
    'status',
    'pause',
    'resume',
    'rebuild',
    'swap',
    'retire',
    'parked',
    'replay',
    'skip',
    'verify',
    'run',
  ])('helps with examples: %s', async (name) => {
    const printed: string[] = []
    const terminal = { print: async (line: string) => void printed.push(line) } as unknown as Terminal
    const port = { version: '', terminal, signal: new AbortController().signal, onHangup: () => () => undefined }
    expect(await runProgram(port, ['projections', name, '--help'])).toBe(0)
    expect(printed.join('\n')).toMatch(new RegExp(`Examples:\\n  .*varve projections ${name}`))
  })
})
