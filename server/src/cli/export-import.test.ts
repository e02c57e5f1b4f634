import { execFileSync } from 'node:child_process'
import { appendFileSync, readFileSync, truncateSync, writeFileSync } from 'node:fs'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { type EventStore, openStore } from 'varve'
import { sqlite } from 'varve/sqlite'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { exportFile, exportLine } from '../../../test/cli/export-lines.ts'
import { start, temporaryFolder, varve } from '../../../test/cli/varve.ts'

const folder = temporaryFolder()
afterAll(folder.remove)
beforeAll(async () => {
  await fill('odd.db')
  await varve(folder.path, ['export', 'odd.ndjson', '--store', 'sqlite:odd.db'])
})

const pathOf = (name: string): string => join(folder.path, name)
const textOf = (name: string): string => readFileSync(pathOf(name), 'utf8')

async function inStore<Result>(name: string, work: (store: EventStore) => Promise<Result>): Promise<Result> {
  await using store = openStore({ engine: sqlite({ path: pathOf(name) }) })
  return await work(store)
}

/** A store with everything that could be lost on the way through a file. */
function fill(name: string): Promise<void> {
  return inStore(name, async (store) => {
    await store.append('Order-1', [
      { type: 'OrderPlaced', data: { total: 1 }, tags: ['customer:ada', 'näme:\u2028☃'], schemaVersion: 3 },
      { type: 'Scan', data: new Uint8Array([0, 255, 10, 13, 34]), contentType: 'image/png' },
    ])
    await store.appendAll([
      {
        streamId: 'Account-a',
        events: [{ type: 'Sent', data: { cents: 5 }, metadata: { correlationId: 'c-1', userId: 'u' } }],
      },
      {
        streamId: 'Account-b',
        events: [
          { type: 'Got', data: null },
          { type: 'Got', data: 'text\u0000' },
        ],
      },
    ])
    await store.append('Order-1', [{ type: 'Paid', data: [1e21, -0.5, '\ud800'], metadata: { $own: { deep: [1] } } }])
    const oddJson = [
      '{ "spaced" : 1.0 }',
      '{"a":1,"a":2}',
      '-0',
      '{"__proto__":{"x":1}}',
      'no json at all',
      '{"2":1,"1":2}',
    ]
    const odd = oddJson.map((text) => ({ type: 'Odd', data: Buffer.from(text), contentType: 'application/json' }))
    await store.append('Odd-"\t\\\u0001-💾', odd)
    const bytes = ['[1]', '5', '{"timestamp":"mine"}', '{"timestamp":1,"a":2}', '']
    const metadata = bytes.map((text) => ({
      type: 'OddMetadata',
      data: {},
      metadata: Buffer.from(text),
      metadataContentType: 'application/json',
    }))
    await store.append('OddMetadata-1', metadata)
    await store.truncateBefore('Account-b', 2)
    await store.deleteStream('Order-1')
    await store.append('Order-1', [{ type: 'OrderPlaced', data: {} }], { expectedVersion: 'no_stream' })
    await store.append('Gone-1', [{ type: 'A', data: {} }])
    await store.tombstone('Gone-1')
    await store.setStreamMetadata('Never-1', { owner: 'billing' })
  })
}

const copy = (name: string, ...words: readonly string[]) =>
  varve(folder.path, ['import', ...words, '--store', `sqlite:${name}`, '--json'])

describe('an export that is imported and exported again', () => {
  it('is the same file to the byte, whatever its events hold', async () => {
    const imported = await copy('copy.db', 'odd.ndjson')
    const again = await varve(folder.path, ['export', '--store', 'sqlite:copy.db'])
    expect(JSON.parse(imported.stdout)).toMatchObject({ imported: 23, already_present: 0, positions_kept: true })
    expect(again.stdout).toBe(textOf('odd.ndjson'))
  })

  it('keeps every JSON text to the byte', async () => {
    const texts = [
      '1e400',
      '-1E400',
      '{"a":1e400}',
      '1e-400',
      '-0',
      '1.0',
      '12345678901234567890',
      '{"a":1,"a":2}',
      ' [1]\n',
    ]
    const odd = texts.map((text) => ({ type: 'Odd', data: Buffer.from(text), contentType: 'application/json' }))
    await inStore('texts.db', (store) => store.append('Odd-1', odd))
    await varve(folder.path, ['export', 'texts.ndjson', '--store', 'sqlite:texts.db'])
    await copy('texts-copy.db', 'texts.ndjson')
    const copied = await inStore('texts-copy.db', (store) => store.readStream('Odd-1').toArray())
    expect(copied.map(({ rawData }) => Buffer.from(rawData).toString())).toEqual(texts)
  })

  it('leaves streams as deleted, truncated and closed as they were', async () => {
    await copy('fates.db', 'odd.ndjson')
    const [original, copied] = await Promise.all(
      ['odd.db', 'fates.db'].map((name) => inStore(name, (store) => store.streams().toArray())),
    )
    expect(copied).toEqual(original)
    const fates = await varve(folder.path, ['streams', '--store', 'sqlite:fates.db'])
    expect(fates.stdout).toContain('Account-b\t2\ttruncated\t2\n')
    expect(fates.stdout).toContain('Gone-1\t1\ttombstoned\t1\n')
  })

  it('passes through pipes', async () => {
    const { stdout } = await varve(folder.path, ['export', '--store', 'sqlite:odd.db'])
    const imported = await varve(folder.path, ['import', '--store', 'sqlite:piped.db'], { stdin: stdout })
    expect(imported).toEqual({ code: 0, stdout: '23\t0\tStandard input\n', stderr: '' })
  })

  it('brings the facts about the streams of a category along', async () => {
    await varve(folder.path, ['export', 'gone.ndjson', '--category', 'Gone', '--store', 'sqlite:odd.db'])
    await copy('gone.db', 'gone.ndjson')
    const [gone] = await inStore('gone.db', (store) => store.streams({ prefix: 'Gone' }).toArray())
    expect(gone).toMatchObject({ streamId: 'Gone-1', version: 1, tombstoned: true })
  })
})

describe('a file that can be read only once', () => {
  it('is imported whole', async () => {
    execFileSync('mkfifo', [pathOf('pipe')])
    const { ended } = start(folder.path, ['import', 'pipe', '--store', 'sqlite:once.db'])
    await writeFile(pathOf('pipe'), exportFile(exportLine(1), exportLine(2)))
    expect(await ended).toMatchObject({ code: 0, stdout: '2\t0\tpipe\n' })
  })
})

describe('an import that is run again', () => {
  it('adds nothing', async () => {
    await copy('twice.db', 'odd.ndjson')
    const second = await copy('twice.db', 'odd.ndjson')
    expect(JSON.parse(second.stdout)).toMatchObject({ imported: 0, already_present: 23 })
    expect(await inStore('twice.db', (store) => store.head())).toBe(23)
  })

  it.each([1, 2, 5, 11, 12, 22])('goes on where it stopped, after %i events', async (count) => {
    const lines = textOf('odd.ndjson').split('\n').slice(0, count)
    writeFileSync(pathOf(`first-${count}.ndjson`), exportFile(...lines))
    await copy(`resumed-${count}.db`, `first-${count}.ndjson`)
    const rest = await copy(`resumed-${count}.db`, 'odd.ndjson')
    expect(JSON.parse(rest.stdout)).toMatchObject({
      imported: 23 - count,
      already_present: count,
      positions_kept: true,
    })
    const again = await varve(folder.path, ['export', '--store', `sqlite:resumed-${count}.db`])
    expect(again.stdout).toBe(textOf('odd.ndjson'))
  })

  it('finishes what an earlier export began with what a later one has', async () => {
    await fill('grown.db')
    await varve(folder.path, ['export', 'grown.ndjson', '--store', 'sqlite:grown.db'])
    await copy('follower.db', 'grown.ndjson')
    await inStore('grown.db', (store) => store.append('Order-2', [{ type: 'OrderPlaced', data: {} }]))
    await varve(folder.path, ['export', 'new.ndjson', '--from', '24', '--store', 'sqlite:grown.db'])
    const added = await copy('follower.db', 'new.ndjson')
    expect(JSON.parse(added.stdout)).toMatchObject({ imported: 1, positions_kept: true })
  })
})

describe('an import into a store that has other events', () => {
  it('keeps versions and order, and says that positions are others', async () => {
    await inStore('other.db', (store) => store.append('Mine-1', [{ type: 'A', data: {} }]))
    const imported = await copy('other.db', 'odd.ndjson')
    expect(JSON.parse(imported.stdout)).toMatchObject({ imported: 23, positions_kept: false })
    const events = await inStore('other.db', (store) => store.readAll({ from: 2 }).toArray())
    const lines = textOf('odd.ndjson').trim().split('\n')
    expect(events.map(({ id }) => id)).toEqual(lines.map((line) => JSON.parse(line).event_id))
  })

  it('stops at the line that conflicts, with everything before it and nothing after it', async () => {
    writeFileSync(
      pathOf('conflict.ndjson'),
      exportFile(
        ...[1, 2, 3, 4].map((position) => exportLine(position)),
        exportLine(5, { stream_id: 'Parcel-2', version: 1 }),
        exportLine(6, { stream_id: 'Parcel-3', version: 1 }),
      ),
    )
    await inStore('conflict.db', (store) => store.append('Parcel-2', [{ type: 'Other', data: {} }]))
    const ended = await copy('conflict.db', 'conflict.ndjson')
    expect(ended.code).toBe(3)
    expect(ended.stderr).toMatch(/Stopped at line 5: .*other events.*lines up to 4 are in the store \(4 imported/)
    const ids = await inStore('conflict.db', async (store) => (await store.streams().toArray()).map((s) => s.streamId))
    expect(ids).toEqual(['Parcel-1', 'Parcel-2'])
  })

  it('does not let a history begin behind a stream that was deleted', async () => {
    writeFileSync(pathOf('behind.ndjson'), exportFile(exportLine(1)))
    await inStore('behind.db', async (store) => {
      await store.append('Parcel-1', [{ type: 'Other', data: {} }])
      await store.deleteStream('Parcel-1')
    })
    const ended = await copy('behind.db', 'behind.ndjson')
    expect(ended).toMatchObject({ code: 3, stdout: '' })
    expect(await inStore('behind.db', (store) => store.head())).toBe(2)
  })
})

describe('a file that is damaged at its end', () => {
  it('changes nothing, although everything before is good', async () => {
    writeFileSync(pathOf('cut.ndjson'), textOf('odd.ndjson').slice(0, -9))
    const ended = await copy('cut.db', 'cut.ndjson')
    expect(ended.code).toBe(5)
    expect(ended.stderr).toMatch(/^varve: cut\.ndjson, line 23 is cut off: the file was truncated\./)
    const after = await varve(folder.path, ['head', '--store', 'sqlite:cut.db'])
    expect(after.stderr).toContain('There is no store')
  })

  it('is imported from a pipe up to the damage', async () => {
    const stdin = textOf('odd.ndjson').slice(0, -9)
    const ended = await varve(folder.path, ['import', '-', '--store', 'sqlite:cut-pipe.db'], { stdin })
    expect(ended.code).toBe(5)
    expect(ended.stderr).toMatch(/Standard input, line 23 is cut off/)
  })
})

describe('an export that goes on', () => {
  it('adds what is new, as if it had been made at once', async () => {
    await inStore('live.db', (store) => store.append('Order-1', [{ type: 'A', data: {} }]))
    const words = ['export', 'live.ndjson', '--continue', '--store', 'sqlite:live.db']
    expect((await varve(folder.path, words)).stdout).toBe('1\t1\tlive.ndjson\n')
    await inStore('live.db', (store) => store.append('Order-1', [{ type: 'B', data: {} }]))
    expect((await varve(folder.path, words)).stdout).toBe('1\t2\tlive.ndjson\n')
    expect((await varve(folder.path, words)).stdout).toBe('0\t2\tlive.ndjson\n')
    const whole = await varve(folder.path, ['export', '--store', 'sqlite:live.db'])
    expect(textOf('live.ndjson')).toBe(whole.stdout)
  })

  it.each([0, 1, 40, 400])('removes a line that was torn, with %i bytes of it left', async (left) => {
    const name = `torn-${left}.ndjson`
    const begun = textOf('odd.ndjson').split('\n').slice(0, 3).join('\n').length + 1
    writeFileSync(pathOf(name), textOf('odd.ndjson'))
    truncateSync(pathOf(name), Buffer.byteLength(textOf('odd.ndjson').slice(0, begun)) + left)
    await varve(folder.path, ['export', name, '--continue', '--store', 'sqlite:odd.db'])
    expect(textOf(name)).toBe(textOf('odd.ndjson'))
  })

  it('leaves a file alone that ends with an event of another store', async () => {
    writeFileSync(pathOf('foreign.ndjson'), exportFile(exportLine(1)))
    const ended = await varve(folder.path, ['export', 'foreign.ndjson', '--continue', '--store', 'sqlite:odd.db'])
    expect(ended).toMatchObject({ code: 1, stdout: '' })
    expect(textOf('foreign.ndjson')).toBe(exportFile(exportLine(1)))
  })

  it('warns when the events of a stream are left out', async () => {
    const ended = await varve(folder.path, ['export', '--type', 'Paid', '--store', 'sqlite:odd.db'])
    expect(ended.stdout.trim().split('\n')).toHaveLength(1)
    expect(ended.stderr).toMatch(/cannot be imported/)
  })
})

describe('an export that other tools had their hands on', () => {
  it('is imported with blank lines, spaces, Windows line ends and a byte order mark', async () => {
    const [first = '', ...rest] = textOf('odd.ndjson').trim().split('\n')
    writeFileSync(pathOf('edited.ndjson'), `\ufeff${first}\r\n\r\n  ${rest.join('\r\n')}`)
    appendFileSync(pathOf('edited.ndjson'), '\n\n')
    const imported = await copy('edited.db', 'edited.ndjson')
    expect(imported.stderr).toBe('')
    expect(JSON.parse(imported.stdout)).toMatchObject({ imported: 23, positions_kept: true })
  })
})
