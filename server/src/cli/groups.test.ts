import { once } from 'node:events'
import { join } from 'node:path'
import { createGroup, openStore, parkedEvents } from 'varve'
import { sqlite } from 'varve/sqlite'
import { afterAll, beforeEach, describe, expect, it } from 'vitest'
import { type Ended, start, temporaryFolder, varve } from '../../../test/cli/varve.ts'

const folder = temporaryFolder()
afterAll(folder.remove)

let stores = 0
let url: string
beforeEach(async () => {
  const name = `${++stores}.db`
  url = `sqlite:${name}`
  await using store = openStore({ engine: sqlite({ path: join(folder.path, name) }) })
  for (const number of [1, 2, 3]) await store.append('Letter-1', [{ type: 'LetterWritten', data: { number } }])
})

const run = (...words: readonly string[]): Promise<Ended> => varve(folder.path, ['groups', ...words, '--store', url])

/** Parks the first events of the group, as a consumer of another program would. */
async function park(count: number): Promise<void> {
  const { consume } = await import('varve')
  await using store = openStore({ engine: sqlite({ path: join(folder.path, url.slice('sqlite:'.length)) }) })
  await createGroup(store, 'mailer')
  let parked = 0
  for await (const delivery of consume(store, 'mailer')) {
    await delivery.nack('park', { reason: 'no stamps' })
    if (++parked === count) break
  }
}

describe('varve groups', () => {
  it('creates, lists, changes, stops and deletes groups', async () => {
    expect(await run('create', 'mailer', '--type', 'LetterWritten', '--from', 'end', '--retries', '2')).toMatchObject({
      code: 0,
      stdout: 'mailer\t3\n',
    })
    expect((await run('create', 'mailer')).code).toBe(3)
    expect((await run('list')).stdout).toBe('mailer\tidle\t3\t0\t0\t0\n')
    await run('stop', 'mailer', '--reason', 'maintenance')
    await run(
      'update',
      'mailer',
      '--buffer',
      '5',
      '--checkpoint-time',
      '200ms',
      '--retry-delay',
      '2s',
      '--consumers',
      '9',
    )
    const status = JSON.parse((await run('status', 'mailer', '--json')).stdout)
    expect(status).toMatchObject({
      group: 'mailer',
      status: 'stopped',
      stopped: { reason: 'maintenance', position: null },
      settings: {
        ...{ retries_max: 2, buffer_events: 5, filter: { types: ['LetterWritten'] } },
        ...{ checkpoint_ms: 200, retry_delay_ms: 2_000, consumers_max: 9 },
      },
      lag_events: 0,
    })
    expect((await run('start', 'mailer')).stdout).toBe('mailer\tstarted\n')
    expect((await run('delete', 'mailer', '--yes')).stdout).toBe('mailer\tdeleted\n')
    const gone = await run('status', 'mailer')
    expect([gone.code, gone.stderr]).toEqual([1, expect.stringContaining('no consumer group "mailer"')])
  })

  it('prints and acknowledges the events of a group, each once', async () => {
    await run('create', 'mailer')
    const first = await run('consume', 'mailer', '--limit', '2')
    const second = await run('consume', 'mailer', '--limit', '1')
    const numbers = [first, second]
      .flatMap(({ stdout }) => stdout.trim().split('\n'))
      .map((line) => JSON.parse(line).data.number)
    expect(numbers).toEqual([1, 2, 3])
    expect((await run('status', 'mailer')).stdout).toBe('mailer\tidle\t3\t0\t0\t0\t0\t0\n')
  })

  it('acknowledges nothing that could not be written', async () => {
    await run('create', 'mailer')
    const consumer = start(folder.path, ['groups', 'consume', 'mailer', '--store', url])
    consumer.child.stdout?.destroy()
    expect(await consumer.ended).toMatchObject({ code: 0, stderr: '' })
    expect(JSON.parse((await run('status', 'mailer', '--json')).stdout)).toMatchObject({ acked: 0, lag_events: 3 })
  })

  it('ends consuming on Ctrl-C, and gives back what it has', async () => {
    await run('create', 'mailer')
    const running = start(folder.path, ['groups', 'consume', 'mailer', '--store', url])
    await running.printed(/"number":3/)
    running.child.kill('SIGINT')
    await once(running.child, 'exit')
    expect((await running.ended).code).toBe(0)
    expect((await run('status', 'mailer')).stdout).toMatch(/^mailer\tidle\t/)
  })

  it('lists what was parked and why, delivers it again, and throws it away', async () => {
    await park(3)
    const listed = (await run('parked', 'mailer')).stdout.split('\n')
    expect(listed).toHaveLength(4)
    expect(listed[0]?.split('\t')).toMatchObject(
      ['1', 'Letter-1', 'LetterWritten', '1', /^\d{4}/, 'no stamps', /-/].map((part) =>
        typeof part === 'string' ? part : expect.stringMatching(part),
      ),
    )
    expect((await run('replay', 'mailer', '2')).stdout).toBe('mailer\t1\n')
    expect(JSON.parse((await run('consume', 'mailer', '--limit', '1')).stdout).data.number).toBe(2)
    expect((await run('discard', 'mailer', '--all', '--count', '2', '--yes')).stdout).toBe('mailer\t2\n')
    await using store = openStore({ engine: sqlite({ path: join(folder.path, url.slice('sqlite:'.length)) }) })
    expect(await parkedEvents(store, 'mailer').toArray()).toEqual([])
  })

  it('does nothing when the parked events are not as many as was said, or nothing was said', async () => {
    await park(1)
    expect((await run('replay', 'mailer', '--all', '--count', '2')).code).toBe(3)
    for (const words of [['--all'], [], ['1', '--all', '--count', '1'], ['x']]) {
      expect((await run('replay', 'mailer', ...words)).code).toBe(2)
    }
    expect((await run('discard', 'mailer', '1')).code).toBe(2)
    expect((await run('parked', 'mailer')).stdout.trim().split('\n')).toHaveLength(1)
  })
})
