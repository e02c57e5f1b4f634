import { chmodSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { gzipSync } from 'node:zlib'
import { openStore } from 'varve'
import { sqlite } from 'varve/sqlite'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { exportFile, exportLine } from '../../../test/cli/export-lines.ts'
import { type Given, temporaryFolder, varve } from '../../../test/cli/varve.ts'

const folder = temporaryFolder()
const takenId = '01990000-0000-7000-8000-0000000000aa'

beforeAll(async () => {
  await using store = openStore({ engine: sqlite({ path: join(folder.path, 'shop.db') }) })
  await store.append('Order-1', [
    { type: 'OrderPlaced', data: {}, id: takenId },
    { type: 'OrderPaid', data: {} },
  ])
  await store.append('Order-2', [{ type: 'OrderPlaced', data: {} }])
  await store.tombstone('Order-3')
  for (const [name, content] of Object.entries(files())) writeFileSync(join(folder.path, name), content)
  mkdirSync(join(folder.path, 'folder'))
  const other = new DatabaseSync(join(folder.path, 'other.db'))
  other.exec('create table notes (text)')
  other.close()
})
afterAll(folder.remove)

function files(): Readonly<Record<string, string | Uint8Array>> {
  const good = exportLine(1)
  const notJson = '{"event_id": nope}'
  return {
    'garbage.db': 'This is no database. '.repeat(400),
    'empty.ndjson': '',
    'not-json.ndjson': exportFile(good, notJson),
    'torn.ndjson': `${exportFile(good)}${exportLine(2).slice(0, 60)}`,
    'no-object.ndjson': exportFile(good, '[1,2]'),
    'no-type.ndjson': exportFile(good, exportLine(2, { event_type: undefined })),
    'no-time.ndjson': exportFile(exportLine(1, { metadata: {} })),
    'no-uuid.ndjson': exportFile(good, exportLine(2, { event_id: 'two' })),
    'version-zero.ndjson': exportFile(exportLine(1, { version: 0 })),
    'order.ndjson': exportFile(good, exportLine(3), exportLine(2)),
    'twice.ndjson': exportFile(good, good),
    'field.ndjson': exportFile(exportLine(1, { tag: ['x'] })),
    'base64.ndjson': exportFile(exportLine(1, { data: undefined, data_base64: '=broken=' })),
    'edited.ndjson': exportFile(exportLine(1, { data: { at: 9 }, data_base64: btoa('{ "at": 1 }') })),
    'edited-metadata.ndjson': exportFile(
      exportLine(1, { metadata: { timestamp: '2026-01-15T10:30:00.000Z', a: 2 }, metadata_base64: btoa('{ "a": 1 }') }),
    ),
    'latin1.ndjson': Buffer.concat([Buffer.from(`${good}\n{"event_id":"`), Buffer.from([0xe9, 0x22, 0x7d, 0x0a])]),
    'packed.ndjson.gz': gzipSync(exportFile(good)),
    'gap.ndjson': exportFile(exportLine(1, { stream_id: 'Order-9', version: 2 })),
    'other-history.ndjson': exportFile(exportLine(1, { stream_id: 'Order-1', version: 1 })),
    'closed.ndjson': exportFile(exportLine(1, { stream_id: 'Order-3', version: 1 })),
    'other-place.ndjson': exportFile(exportLine(1, { event_id: takenId, stream_id: 'Order-1', version: 2 })),
    'fact.ndjson': exportFile(exportLine(1, { stream_id: '$$Order-1', event_type: 'Nonsense' })),
    'event-field.ndjson': exportFile('{"event_type":"A","dta":{}}'),
    'event-no-type.ndjson': exportFile('{"data":{}}'),
    'event-number.ndjson': exportFile('{"event_type":"A","data":1e400}'),
    'number.ndjson': exportFile(exportLine(1, { data: 'here' }).replace('"here"', '1e400')),
    'event-both.ndjson': exportFile('{"event_type":"A","data":{},"data_base64":"e30="}'),
    'event-metadata.ndjson': exportFile('{"event_type":"A","metadata":"m"}'),
    'notes.txt': 'nothing that varve wrote',
  }
}

type Case = readonly [says: string, words: readonly string[], code: number, message: RegExp, given?: Given]

const usage: readonly Case[] = [
  ['an unknown command', ['raed'], 2, /Unknown command 'raed'.*read/],
  ['an unknown command of a group', ['groups', 'lst'], 2, /Unknown command 'lst'.*list.*varve groups --help/],
  ['a group of commands alone', ['groups'], 2, /^varve: 'varve groups' needs one of its commands: list, .*consume\./],
  [
    'a value that is none',
    ['groups', 'create', 'g', '--strategy', 'x'],
    2,
    /overflow.*See 'varve groups create --help'/,
  ],
  ['an unknown option', ['read', '--limt', '3'], 2, /Unknown option '--limt'.*--limit/],
  ['too many words', ['head', 'Order-1'], 2, /Too many arguments/],
  ['a word that is missing', ['append'], 2, /argument 'stream'.*varve append --help/],
  ['an event without a type', ['append', 'Order-1'], 2, /event type is missing/],
  ['a limit that is negative', ['read', '--limit', '-1'], 2, /--limit.*whole number/],
  ['a limit that is no number', ['read', '--limit', 'ten'], 2, /--limit.*whole number/],
  ['a place with a fraction', ['read', '--from', '1.5'], 2, /--from.*whole number/],
  ['a place past the safe numbers', ['read', '--from', '9007199254740993'], 2, /--from.*whole number/],
  ['a filter that is empty', ['read', '--type', ''], 2, /--type.*not empty/],
  ['a stream and a filter', ['read', 'Order-1', '--type', 'A'], 2, /do not go together/],
  ['two beginnings', ['tail', '--from', '1', '--last', '5'], 2, /Leave out one/],
  ['a payload that is no JSON', ['append', 'Order-1', 'A', '{total: 1}'], 2, /not JSON.*Quote/],
  ['a number beyond every double', ['append', 'Order-1', 'A', '{"n":1e400}'], 2, /data has the number 1e400/],
  [
    'a number of many digits in metadata',
    ['append', 'Order-1', 'A', '--metadata', '{"n":12345678901234567890}'],
    2,
    /12345678901234567890/,
  ],
  ['an input that is no JSON', ['append', 'Order-1', 'A', '-'], 2, /not JSON/, { stdin: 'oops' }],
  [
    'an input that is no UTF-8',
    ['append', 'Order-1', 'A', '-'],
    2,
    /not JSON/,
    { stdin: Buffer.from([0x22, 0xe9, 0x22]) },
  ],
  [
    'an input that is too large',
    ['append', 'Order-1', 'A', '-'],
    2,
    /1048576 bytes/,
    { stdin: `"${'x'.repeat(1_100_000)}"` },
  ],
  ['an expectation that is none', ['append', 'Order-1', 'A', '--expected', 'latest'], 2, /--expected.*no_stream/],
  ['metadata that is a list', ['append', 'Order-1', 'A', '--metadata', '[1]'], 2, /--metadata.*JSON object/],
  ['metadata that is no JSON', ['append', 'Order-1', 'A', '--metadata', 'user'], 2, /--metadata.*not JSON/],
  [
    'metadata with a time',
    ['append', 'Order-1', 'A', '--metadata', '{"timestamp":"now"}'],
    2,
    /timestamp is set by the store/,
  ],
  ['an id that is no UUID', ['append', 'Order-1', 'A', '--id', '17'], 2, /not a UUID/],
  ['a stream without a name', ['append', '', 'A'], 2, /streamId.*non-empty/],
  ['a stream with a long name', ['append', 'x'.repeat(1_001), 'A'], 2, /streamIdChars/],
  ['a type with a long name', ['append', 'Order-1', 'x'.repeat(256)], 2, /eventTypeChars/],
  ['a fact that is none', ['append', '$$Order-1', 'Nonsense'], 2, /no fact about a stream/],
  ['a file and a type', ['append', 'Order-1', 'A', '--file', 'empty.ndjson'], 2, /Leave out the event type/],
  ['a file and a tag', ['append', 'Order-1', '--tag', 'a', '--file', 'empty.ndjson'], 2, /into the lines/],
  ['a file without events', ['append', 'Order-1', '--file', 'empty.ndjson'], 2, /holds no events/],
  ['a deletion nobody confirms', ['delete', 'Order-1'], 2, /--yes/],
  ['a truncation before 0', ['truncate', 'Order-1', '0', '--yes'], 2, /version is not a whole number from 1/],
  ['a truncation past the end', ['truncate', 'Order-1', '9', '--yes'], 2, /past the stream's end/],
  [
    'metadata that hides nothing real',
    ['metadata', 'Order-1', '--set', '{"truncate_before":0}'],
    2,
    /truncate_before/i,
  ],
  ['an expectation about a look', ['metadata', 'Order-1', '--expected', '1'], 2, /--set/],
  ['a continuation of a pipe', ['export', '-', '--continue'], 2, /needs a file/],
  ['a continuation from elsewhere', ['export', 'x.ndjson', '--continue', '--from', '2'], 2, /Leave out --from/],
  ['a port that is none', ['serve', '--port', '70000'], 2, /--port.*65535/],
  ['a server for everybody', ['serve', '--host', '0.0.0.0'], 2, /--insecure/],
  ['a log level that is none', ['serve', '--log-level', 'loud'], 2, /--log-level.*choices/i],
]

const stores: readonly Case[] = [
  ['a store of another kind', ['head', '--store', 'ftp://shop'], 2, /names no store; known are sqlite:/],
  ['a store without a scheme', ['head', '--store', 'shop.db'], 2, /names no store/],
  ['a store without a file', ['head', '--store', 'sqlite:'], 2, /without a file/],
  ['a store that is not there', ['read', '--store', 'sqlite:shpo.db'], 1, /no store at sqlite:shpo.db/],
  ['a store that is an empty file', ['doctor', '--store', 'sqlite:empty.ndjson'], 1, /no store at sqlite:empty/],
  ['a store that is a folder', ['append', 'A-1', 'A', '--store', 'sqlite:folder'], 1, /is a directory/],
  ['a store in a folder that is not there', ['append', 'A-1', 'A', '--store', 'sqlite:none/a.db'], 1, /folder exists/],
  ['a store that is no database', ['append', 'A-1', 'A', '--store', 'sqlite:garbage.db'], 1, /no SQLite database/],
  ['a store that is not ours', ['append', 'A-1', 'A', '--store', 'sqlite:other.db'], 1, /other\.db/],
  ['a server behind a server', ['serve', '--store', 'http://127.0.0.1:2113'], 2, /storage of its own/],
]

const imports: readonly Case[] = [
  ['a file that is not there', ['import', 'none.ndjson'], 1, /none\.ndjson does not exist/],
  ['a folder', ['import', 'folder'], 1, /^varve: folder is a directory\. Name a file in it\./],
  ['a folder of events', ['append', 'Order-1', '--file', 'folder'], 1, /^varve: folder is a directory/],
  ['a line whose number would be null', ['import', 'number.ndjson'], 5, /line 1 has the number 1e400.*data_base64/],
  ['a line that is no JSON', ['import', 'not-json.ndjson'], 5, /line 2 is not JSON/],
  ['a line that is cut off', ['import', 'torn.ndjson'], 5, /line 2 is cut off/],
  ['a line that is no object', ['import', 'no-object.ndjson'], 5, /line 2 is no event/],
  ['a line without a type', ['import', 'no-type.ndjson'], 5, /line 2 is no event.*event_type/],
  ['a line without a time', ['import', 'no-time.ndjson'], 5, /line 1 is no event.*timestamp/],
  ['a line whose id is no UUID', ['import', 'no-uuid.ndjson'], 5, /line 2 has an event_id/],
  ['a line at version 0', ['import', 'version-zero.ndjson'], 5, /line 1 is no event.*version/],
  ['lines out of order', ['import', 'order.ndjson'], 5, /line 3 is at position 2/],
  ['a line that comes twice', ['import', 'twice.ndjson'], 5, /line 2 is at position 1/],
  ['a field nobody knows', ['import', 'field.ndjson'], 5, /line 1 has an unknown field "tag"/],
  ['bytes that are broken', ['import', 'base64.ndjson'], 5, /line 1 is no event.*data_base64 is not base64/],
  ['bytes that say something else', ['import', 'edited.ndjson'], 5, /line 1 .*something else than its data/],
  ['metadata that was edited', ['import', 'edited-metadata.ndjson'], 5, /line 1 .*something else than its metadata/],
  ['text that is no UTF-8', ['import', 'latin1.ndjson'], 5, /line 2 is not UTF-8/],
  ['a file that is compressed', ['import', 'packed.ndjson.gz'], 5, /is compressed.*gunzip/],
  ['a stream with a gap', ['import', 'gap.ndjson'], 3, /line 1: .*version 1 is missing.*Nothing of the file/],
  ['another history', ['import', 'other-history.ndjson'], 3, /line 1: .*another way/],
  ['an event for a closed stream', ['import', 'closed.ndjson'], 3, /line 1: .*tombstoned/],
  ['an event at another place', ['import', 'other-place.ndjson'], 3, /line 1: .*is version 1 of stream/],
  ['a fact nobody understands', ['import', 'fact.ndjson'], 5, /line 1: .*no fact about a stream/],
  [
    'events with a field nobody knows',
    ['append', 'A-1', '--file', 'event-field.ndjson'],
    5,
    /line 1 has an unknown field "dta"/,
  ],
  ['events without a type', ['append', 'A-1', '--file', 'event-no-type.ndjson'], 5, /line 1 has no event_type/],
  [
    'an event whose number would be null',
    ['append', 'A-1', '--file', 'event-number.ndjson'],
    5,
    /line 1 has the number 1e400/,
  ],
  ['events with two payloads', ['append', 'A-1', '--file', 'event-both.ndjson'], 5, /line 1 has both/],
  ['events with text for metadata', ['append', 'A-1', '--file', 'event-metadata.ndjson'], 5, /line 1 has metadata/],
  ['events that are not there', ['append', 'A-1', '--file', 'none.ndjson'], 1, /does not exist/],
  ['an export over a file', ['export', 'notes.txt'], 1, /notes\.txt exists/],
  ['an export into a folder', ['export', 'folder'], 1, /folder is a directory/],
  ['a continuation of something else', ['export', 'notes.txt', '--continue'], 1, /notes\.txt is no export/],
  ['a continuation of another export', ['export', 'gap.ndjson', '--continue'], 1, /comes from another store/],
]

const conflicts: readonly Case[] = [
  ['a version that has passed', ['append', 'Order-1', 'A', '--expected', '1'], 3, /at version 2, expected 1/],
  ['a stream that exists', ['append', 'Order-1', 'A', '--expected', 'no_stream'], 3, /expected no_stream/],
  ['an id that is taken', ['append', 'Order-2', 'A', '--id', takenId], 3, /stored in stream "Order-1"/],
  ['a stream that is closed', ['append', 'Order-3', 'A'], 3, /tombstoned/],
  ['a deletion that comes late', ['delete', 'Order-1', '--expected', '1', '--yes'], 3, /at version 2, expected 1/],
  ['metadata that moved on', ['metadata', 'Order-1', '--set', '{}', '--expected', '4'], 3, /expected 4/],
]

describe.each([
  ['the command line', usage],
  ['a store', stores],
  ['a file', imports],
  ['a change', conflicts],
])('of what is wrong with %s', (_, cases) => {
  it.concurrent.for(cases)(
    '%s is refused in one line, and nothing is changed',
    async ([, words, code, message, given]) => {
      const before = await contents()
      const ended = await varve(folder.path, ['--store', 'sqlite:shop.db', ...words], given)
      expect(ended, ended.stderr).toMatchObject({ code, stdout: '' })
      expect(ended.stderr).toMatch(message)
      expect(ended.stderr).toMatch(/^varve: [^\n]+[.!?]\n$/)
      expect(await contents()).toEqual(before)
    },
  )
})

describe('permissions', () => {
  it('are named when a file may not be read', async () => {
    chmodSync(folder.path, 0o755)
    writeFileSync(join(folder.path, 'secret.ndjson'), exportFile(exportLine(1)), { mode: 0 })
    // Nothing is forbidden to root, so root runs this as somebody else.
    const given = process.getuid?.() === 0 ? { uid: 65_534 } : {}
    const ended = await varve(folder.path, ['import', 'secret.ndjson', '--store', 'memory:'], given)
    expect(ended).toMatchObject({ code: 1, stdout: '' })
    expect(ended.stderr).toMatch(/^varve: secret\.ndjson may not be used by this user\. Check its permissions\.\n$/)
  })
})

/** Everything that a refused command could have touched. */
async function contents(): Promise<object> {
  await using store = openStore({ engine: sqlite({ path: join(folder.path, 'shop.db') }) })
  const events = await store.readAll().toArray()
  const names = readdirSync(folder.path).filter((name) => !/-(wal|shm)$/.test(name))
  const kept = ['garbage.db', 'notes.txt', 'gap.ndjson'].map((name) => readFileSync(join(folder.path, name), 'utf8'))
  return { ids: events.map(({ id }) => id), streams: await store.streams().toArray(), names, kept }
}
