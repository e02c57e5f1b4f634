import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { openStore } from 'varve'
import { sqlite } from 'varve/sqlite'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type Ended, type Given, temporaryFolder, varve } from '../../../test/cli/varve.ts'

const folder = temporaryFolder()
afterAll(folder.remove)
beforeAll(async () => {
  await using store = openStore({ engine: sqlite({ path: join(folder.path, 'shop.db') }) })
  await store.append('Order-1', [
    { type: 'OrderPlaced', data: { total: 1 }, tags: ['customer:ada', 'vip'] },
    { type: 'OrderPaid', data: {}, tags: ['customer:ada'] },
  ])
  await store.append('Order-2', [{ type: 'OrderPlaced', data: { total: 2 }, tags: ['customer:bob'] }])
  await store.append('Note-\t\u001b[31m', [{ type: 'Noted', data: {} }])
})

const run = (words: readonly string[], given?: Given): Promise<Ended> =>
  varve(folder.path, [...words, '--store', 'sqlite:shop.db'], given)
const fresh = (name: string, words: readonly string[], given?: Given): Promise<Ended> =>
  varve(folder.path, [...words, '--store', `sqlite:${name}.db`], given)
const linesOf = ({ stdout }: Ended): readonly { readonly [field: string]: unknown }[] =>
  stdout
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line))

describe('varve append', () => {
  it('tells where the event landed, in columns for a pipe', async () => {
    const ended = await fresh('columns', ['append', 'Order-7', 'OrderPlaced', '{"total":5}'])
    expect(ended.code).toBe(0)
    expect(ended.stdout).toMatch(/^Order-7\t1\t1\t[0-9a-f-]{36}\n$/)
    expect(ended.stderr).toBe('')
  })

  it('stores what each option says', async () => {
    const id = '01990000-0000-7000-8000-0000000000bb'
    const options = ['--id', id, '--tag', 'a:1', '--tag', 'b:2', '--schema-version', '3', '--expected', 'no_stream']
    const metadata = ['--metadata', '{"user_id":"ada","via":"cli"}']
    await fresh('options', ['append', 'Order-7', 'OrderPlaced', '{"total":5}', ...options, ...metadata])
    const [event] = linesOf(await fresh('options', ['read', 'Order-7']))
    expect(event).toMatchObject({
      event_id: id,
      event_type: 'OrderPlaced',
      schema_version: 3,
      data: { total: 5 },
      metadata: { user_id: 'ada', via: 'cli' },
      tags: ['a:1', 'b:2'],
    })
  })

  it('appends once, however often it is sent with one key', async () => {
    const words = ['append', 'Order-7', 'OrderPlaced', '--idempotency-key', 'req-1', '--expected', '0', '--json']
    const [first] = linesOf(await fresh('key', words))
    const [second] = linesOf(await fresh('key', words))
    expect(second).toEqual({ ...first, idempotent: true })
  })

  it('takes bytes of any type from standard input', async () => {
    const stdin = new Uint8Array([0, 255, 10])
    await fresh('bytes', ['append', 'Document-1', 'Uploaded', '-', '--content-type', 'image/png'], { stdin })
    const [event] = linesOf(await fresh('bytes', ['read']))
    expect(event).toMatchObject({ content_type: 'image/png', data_base64: 'AP8K' })
  })

  it('appends a file of events as one', async () => {
    const lines = [
      '{"event_type":"A","tags":["x"]}',
      '{"event_type":"B","data_base64":"AP8K","content_type":"image/png"}',
    ]
    writeFileSync(join(folder.path, 'events.ndjson'), lines.join('\n'))
    const ended = await fresh('file', ['append', 'Order-7', '--file', 'events.ndjson', '--expected', '0', '--json'])
    expect(linesOf(ended)[0]).toMatchObject({ first_version: 1, version: 2, idempotent: false })
    expect(linesOf(await fresh('file', ['read'])).map((event) => event.event_type)).toEqual(['A', 'B'])
  })

  it('appends none of a file when one event is refused', async () => {
    const stdin = '{"event_type":"A"}\n{"event_type":""}\n'
    const ended = await fresh('none', ['append', 'Order-7', '--file', '-'], { stdin })
    expect(ended).toMatchObject({ code: 2, stdout: '' })
    expect(ended.stderr).toContain('events[1].type')
    expect((await fresh('none', ['head'])).stdout).toBe('0\n')
  })
})

describe('varve read', () => {
  it.each([
    ['a stream', ['Order-1'], ['OrderPlaced', 'OrderPaid']],
    ['the whole store', [], ['OrderPlaced', 'OrderPaid', 'OrderPlaced', 'Noted']],
    ['from a place on', ['Order-1', '--from', '2'], ['OrderPaid']],
    ['the last events', ['--backward', '--limit', '2'], ['Noted', 'OrderPlaced']],
    ['any of several types', ['--type', 'Noted', '--type', 'OrderPaid'], ['OrderPaid', 'Noted']],
    ['all of several tags', ['--tag', 'vip', '--tag', 'customer:ada'], ['OrderPlaced']],
    ['a category', ['--category', 'Note'], ['Noted']],
    ['streams that begin alike', ['--prefix', 'Order-2'], ['OrderPlaced']],
    ['nothing', ['--limit', '0'], []],
    ['a stream that is not there', ['Order-9'], []],
  ])('reads %s', async (_, words, types) => {
    const ended = await run(['read', ...words])
    expect(ended).toMatchObject({ code: 0, stderr: '' })
    expect(linesOf(ended).map((event) => event.event_type)).toEqual(types)
  })
})

describe('varve streams, head and metadata', () => {
  it('list streams in columns, with nothing in them that a terminal would obey', async () => {
    const { stdout } = await run(['streams'])
    expect(stdout).toBe('Note-\\t\\u001b[31m\t1\topen\t1\nOrder-1\t2\topen\t1\nOrder-2\t1\topen\t1\n')
  })

  it('list some of the streams', async () => {
    expect(linesOf(await run(['streams', 'Order-', '--limit', '1', '--json']))).toEqual([
      { stream_id: 'Order-1', version: 2, truncate_before: 1, tombstoned: false, exists: true },
    ])
    expect((await run(['streams', '--after', 'Order-1'])).stdout).toBe('Order-2\t1\topen\t1\n')
  })

  it('print the head', async () => {
    expect((await run(['head'])).stdout).toBe('4\n')
    expect((await run(['head', '--json'])).stdout).toBe('{"head":4}\n')
  })

  it('replace metadata and show it', async () => {
    await fresh('about', ['append', 'Order-7', 'A'])
    await fresh('about', ['metadata', 'Order-7', '--set', '{"owner":"billing","truncate_before":2}', '--expected', '0'])
    const { stdout } = await fresh('about', ['metadata', 'Order-7'])
    expect(JSON.parse(stdout)).toEqual({
      stream_id: 'Order-7',
      version: 1,
      values: { owner: 'billing', truncate_before: 2 },
    })
    expect((await fresh('about', ['streams', '--system'])).stdout).toBe(
      '$$Order-7\t1\topen\t1\nOrder-7\t1\tdeleted\t2\n',
    )
  })
})

describe('varve truncate, delete and tombstone', () => {
  it('hide events and say so, and change nothing twice', async () => {
    await fresh('closed', ['append', 'Order-7', 'A'])
    await fresh('closed', ['append', 'Order-7', 'B'])
    expect((await fresh('closed', ['truncate', 'Order-7', '2', '--yes'])).stdout).toBe('Order-7\t3\tchanged\n')
    expect((await fresh('closed', ['truncate', 'Order-7', '2', '--yes'])).stdout).toBe('Order-7\t3\tunchanged\n')
    expect(linesOf(await fresh('closed', ['read', 'Order-7']))).toHaveLength(1)
    await fresh('closed', ['delete', 'Order-7', '--expected', '2', '--yes'])
    expect(linesOf(await fresh('closed', ['read', 'Order-7']))).toHaveLength(0)
    await fresh('closed', ['tombstone', 'Order-7', '--yes'])
    expect((await fresh('closed', ['streams'])).stdout).toBe('Order-7\t2\ttombstoned\t3\n')
  })
})

describe('varve', () => {
  it.each([
    'serve',
    'append',
    'read',
    'tail',
    'streams',
    'head',
    'metadata',
    'truncate',
    'delete',
    'tombstone',
    'export',
    'import',
    'doctor',
    'blobs',
  ])('helps with examples: %s', async (name) => {
    const ended = await varve(folder.path, [name, '--help'])
    expect(ended).toMatchObject({ code: 0, stderr: '' })
    expect(ended.stdout).toMatch(new RegExp(`^Usage: varve ${name}`))
    expect(ended.stdout).toMatch(new RegExp(`Examples:\\n  .*varve ${name}`))
  })

  it('prints its version and, without a command, its help', async () => {
    const manifest = JSON.parse(readFileSync(join(import.meta.dirname, '..', '..', 'package.json'), 'utf8'))
    expect(await varve(folder.path, ['--version'])).toEqual({ code: 0, stdout: `${manifest.version}\n`, stderr: '' })
    expect((await varve(folder.path, [])).stdout).toMatch(/^Usage: varve .*Exit codes:/s)
  })

  it('takes the store from the environment, and from the command line before that', async () => {
    const env = { VARVE_STORE: 'sqlite:shop.db' }
    expect((await varve(folder.path, ['head'], { env })).stdout).toBe('4\n')
    expect((await varve(folder.path, ['head', '--store', 'memory:'], { env })).stdout).toBe('0\n')
  })

  it('uses varve.db where no store is named', async () => {
    expect((await varve(folder.path, ['head'])).stderr).toContain('no store at sqlite:varve.db')
  })

  it('shows where an error came from only when asked', async () => {
    const words = ['read', '--store', 'sqlite:nowhere.db']
    expect((await varve(folder.path, words)).stderr.split('\n')).toHaveLength(2)
    expect((await varve(folder.path, [...words, '--verbose'])).stderr).toMatch(/\n {4}at /)
    expect((await varve(folder.path, words, { env: { VARVE_DEBUG: '1' } })).stderr).toMatch(/\n {4}at /)
  })
})

describe('varve trace', () => {
  const ids = [1, 2, 3, 4].map((n) => `01990000-0000-7000-8000-00000000000${n}`)
  const seeded = async (): Promise<void> => {
    const append = (n: number, stream: string, cause?: number): Promise<Ended> => {
      const metadata = { correlation_id: 'req-42', ...(cause !== undefined && { causation_id: ids[cause] }) }
      const options = ['--id', String(ids[n]), '--metadata', JSON.stringify(metadata), '--idempotency-key', String(n)]
      return fresh('traced', ['append', stream, `Step${n}`, ...options])
    }
    await append(0, 'Order-1')
    await append(1, 'Payment-1', 0)
    await append(2, 'Payment-1', 1)
    await append(3, 'Parcel-1', 0)
  }

  it('draws each event under the one that caused it', async () => {
    await seeded()
    expect((await fresh('traced', ['trace', 'req-42', '--tree'])).stdout).toBe(
      'Step0  Order-1@1  #1\n ├─ Step1  Payment-1@1  #2\n │  └─ Step2  Payment-1@2  #3\n └─ Step3  Parcel-1@1  #4\n',
    )
  })

  it('prints envelopes in a pipe, and says when there is nothing or more', async () => {
    await seeded()
    const two = await fresh('traced', ['trace', 'req-42', '--limit', '2'])
    expect(linesOf(two).map((event) => event.event_type)).toEqual(['Step0', 'Step1'])
    expect(two.stderr).toContain('more than these 2 events')
    const none = await fresh('traced', ['trace', 'req-9'])
    expect([none.code, none.stdout]).toEqual([0, ''])
    expect(none.stderr).toContain('No event carries "req-9"')
  })
})
