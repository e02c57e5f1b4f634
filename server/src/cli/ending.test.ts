import { once } from 'node:events'
import { closeSync, existsSync, openSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { exportFile, exportLine } from '../../../test/cli/export-lines.ts'
import { type Running, start, temporaryFolder, varve } from '../../../test/cli/varve.ts'
import { headOfFile } from '../../../test/kurrent/copies.ts'

const folder = temporaryFolder()
const many = 30_000
beforeAll(() => {
  const lines = Array.from({ length: many }, (_, index) =>
    exportLine(index + 1, { stream_id: `Parcel-${index}`, version: 1 }),
  )
  writeFileSync(join(folder.path, 'many.ndjson'), exportFile(...lines))
})
afterAll(folder.remove)

const append = (name: string, ...types: readonly string[]) =>
  varve(folder.path, ['append', 'Order-1', ...types, '--store', `sqlite:${name}.db`])

describe('varve tail', () => {
  it('prints what was there and then what comes, until Ctrl-C, which is no failure', async () => {
    await append('live', 'First')
    const tail = start(folder.path, ['tail', '--store', 'sqlite:live.db'])
    await tail.printed(/First/)
    await append('live', 'Second')
    await tail.printed(/Second/)
    tail.child.kill('SIGINT')
    const ended = await tail.ended
    expect(ended).toMatchObject({ code: 0, stderr: '' })
    expect(ended.stdout.trim().split('\n')).toHaveLength(2)
  })

  it('begins with as many of the last events as it is told', async () => {
    for (const type of ['A', 'B', 'C']) await append('last', type)
    const typesOf = async (...words: readonly string[]): Promise<readonly string[]> => {
      const { stdout } = await varve(folder.path, ['tail', ...words, '--store', 'sqlite:last.db'])
      return stdout
        .trim()
        .split('\n')
        .map((line) => JSON.parse(line).event_type)
    }
    expect(await typesOf('-n', '2', '--limit', '2')).toEqual(['B', 'C'])
    expect(await typesOf('Order-1', '-n', '1', '--limit', '1')).toEqual(['C'])
    expect(await typesOf('--limit', '3')).toEqual(['A', 'B', 'C'])
    expect(await typesOf('--from', '2', '--limit', '1')).toEqual(['B'])
    expect(await typesOf('--type', 'B', '-n', '5', '--limit', '1')).toEqual(['B'])
  })
})

describe('Ctrl-C', () => {
  it('ends an import after a whole batch, and the same command goes on from there', async () => {
    const words = ['import', 'many.ndjson', '--store', 'sqlite:many.db']
    const running = start(folder.path, words)
    await expect.poll(() => headOfFile(folder.path, 'many.db'), { interval: 5 }).toBeGreaterThan(0)
    running.child.kill('SIGINT')
    const ended = await running.ended
    expect(ended).toMatchObject({ code: 130, stdout: '' })
    const lines = Number(/lines up to (\d+) are in the store/.exec(ended.stderr)?.[1])
    const { stdout } = await varve(folder.path, ['head', '--store', 'sqlite:many.db'])
    expect(Number(stdout)).toBe(lines)
    expect(lines).toBeLessThan(many)
    const rest = await varve(folder.path, words)
    expect(rest.stdout).toBe(`${many - lines}\t${lines}\tmany.ndjson\n`)
  })

  it('leaves whole lines of an export behind, and --continue goes on from there', async () => {
    await varve(folder.path, ['import', 'many.ndjson', '--store', 'sqlite:full.db'])
    const words = ['export', 'out.ndjson', '--store', 'sqlite:full.db', '--continue']
    const running = start(folder.path, words)
    await untilLarger('out.ndjson', running)
    running.child.kill('SIGTERM')
    const ended = await running.ended
    // An export can be done before the signal arrives; its lines are whole either way.
    if (ended.code !== 0) {
      expect(ended.code).toBe(143)
      expect(ended.stderr).toContain('go on with --continue')
    }
    expect(readFileSync(join(folder.path, 'out.ndjson'), 'utf8')).toMatch(/\}\n$/)
    await varve(folder.path, words)
    const all = readFileSync(join(folder.path, 'out.ndjson'), 'utf8')
    expect(all).toBe(readFileSync(join(folder.path, 'many.ndjson'), 'utf8'))
  })
})

describe('a command that waits for its input', () => {
  it('ends when it is asked to', async () => {
    const running = start(folder.path, ['import', '-', '--store', 'sqlite:waiting.db'], { stdin: null })
    await expect.poll(() => existsSync(join(folder.path, 'waiting.db')), { interval: 5 }).toBe(true)
    running.child.kill('SIGTERM')
    expect(await running.ended).toMatchObject({ code: 143, stdout: '' })
  })
})

describe.skipIf(!existsSync('/dev/full'))('an output that cannot be written (asked of Linux, by /dev/full)', () => {
  it.each([[['read']], [['head']]])('ends the command in one line that says so: %s', async (words) => {
    await append('small', 'A')
    const full = openSync('/dev/full', 'w')
    const ended = await varve(folder.path, [...words, '--store', 'sqlite:small.db'], { stdout: full })
    closeSync(full)
    expect(ended.code).toBe(1)
    expect(ended.stderr).toMatch(/^varve: Standard output cannot be written \(ENOSPC[^\n]+\n$/)
  })
})

/** Resolves when a process has written nothing for half a second: it is held up by whoever reads. */
async function writesNoMore(pid: number): Promise<void> {
  const written = (): string => /wchar: (\d+)/.exec(readFileSync(`/proc/${pid}/io`, 'utf8'))?.[1] ?? ''
  for (let before = ''; before !== written(); await sleep(500)) before = written()
}

describe.skipIf(!existsSync('/proc/self/io'))('a reader that takes nothing (asked of Linux, by /proc)', () => {
  it.each([[['read']], [['export', '-']], [['tail', '--from', '1']]])(
    'does not keep a command that is asked to end: %j',
    async (words) => {
      await varve(folder.path, ['import', 'many.ndjson', '--store', 'sqlite:piped.db'])
      const { child, printed } = start(folder.path, [...words, '--store', 'sqlite:piped.db'])
      await printed(/\n/)
      child.stdout?.pause()
      // As much as is taken without anybody asking for it, and the command has many times that to print.
      await expect.poll(() => child.stdout?.readableLength).toBeGreaterThan(60_000)
      await writesNoMore(child.pid as number)
      const ended = once(child, 'exit')
      const askedMs = performance.now()
      child.kill('SIGTERM')
      expect(await ended).toEqual([143, null])
      expect(performance.now() - askedMs).toBeLessThan(10_000)
      child.stdout?.resume()
    },
  )
})

describe('a reader that has seen enough', () => {
  it('ends the command without a complaint', async () => {
    await varve(folder.path, ['import', 'many.ndjson', '--store', 'sqlite:piped.db'])
    const running = start(folder.path, ['read', '--store', 'sqlite:piped.db'])
    await running.printed(/\n/)
    running.child.stdout?.destroy()
    expect(await running.ended).toMatchObject({ code: 0, stderr: '' })
  })
})

async function untilLarger(name: string, running: Running): Promise<void> {
  const ended = running.ended.then(() => true)
  while (!(await Promise.race([ended, isThere(name)])));
}

async function isThere(name: string): Promise<boolean> {
  await new Promise((resolve) => setImmediate(resolve))
  try {
    return readFileSync(join(folder.path, name)).length > 0
  } catch {
    return false
  }
}
