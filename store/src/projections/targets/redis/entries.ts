import type { TargetEntry } from '../../../model/target.ts'
import { TargetUnavailable } from '../../../model/target-errors.ts'
import { type BuildPlace, indexKey, scanKeys } from './build.ts'
import { pairsOf, textOf, textsOf } from './reads.ts'
import { isYes, listScript, readScript } from './scripts.ts'

/**
 * What a generation holds: a string is an entry, and so is each field of a hash and each member of a set. The names of all
 * keys are held in memory meanwhile, and the members of one.
 */
export async function* entriesOf(
  { begin, link }: BuildPlace,
  record: string,
  projection: string,
): AsyncGenerator<TargetEntry> {
  const owner = textOf(await link.command('HGET', indexKey(begin), ['projection']))
  const [life, dropped] = (await link.command('HMGET', record, ['life', 'dropped'])) as unknown[]
  const at = textOf(life)
  if (owner !== projection || at === undefined || textOf(dropped) !== undefined) return

  const read = async (key: string, command: string, ...args: readonly string[]): Promise<unknown> => {
    const fields = ['life', '', at, command, ...args]
    const [isSo, answer] = (await link.run(readScript, [record, `${record}:${at}:${key}`], fields)) as [
      unknown,
      unknown,
    ]
    if (!isYes(isSo)) throw begunAnew()
    return answer
  }

  for (const key of await keysIn(place(link, record, at))) {
    const kind = textOf(await read(key, 'TYPE')) ?? ''
    if (kind === 'string') {
      const value = textOf(await read(key, 'GET'))
      if (value !== undefined) yield { key, value: JSON.stringify([kind, value]) }
      continue
    }
    const scan = scans[kind]
    // It was removed since.
    if (scan === undefined) continue
    const members = await membersIn(scan, (cursor) => read(key, scan.command, cursor, 'COUNT', String(scanKeys)))
    for (const member of inOrder(members.keys())) {
      yield { key: `${key}\0${member}`, value: JSON.stringify([kind, ...(members.get(member) ?? [])]) }
    }
  }
}

interface Listing {
  readonly next: (cursor: string) => Promise<readonly [cursor: string, keys: readonly string[]]>
}

function place(link: BuildPlace['link'], record: string, life: string): Listing {
  return {
    next: async (cursor) => {
      const [at, keys] = (await link.run(listScript, [record], [cursor, String(scanKeys), life])) as unknown[]
      if (at === 'gone') throw begunAnew()
      return [String(at), textsOf(keys)]
    },
  }
}

async function keysIn({ next }: Listing): Promise<readonly string[]> {
  const keys = new Set<string>()
  let cursor = '0'
  do {
    const [at, page] = await next(cursor)
    for (const key of page) keys.add(key)
    cursor = at
  } while (cursor !== '0')
  return inOrder(keys)
}

interface Scan {
  readonly command: string
  readonly hasValues: boolean
}

const scans: Readonly<Record<string, Scan>> = {
  hash: { command: 'HSCAN', hasValues: true },
  zset: { command: 'ZSCAN', hasValues: true },
  set: { command: 'SSCAN', hasValues: false },
}

/** Members with their values. A scan may give one twice. */
async function membersIn(
  { hasValues }: Scan,
  next: (cursor: string) => Promise<unknown>,
): Promise<ReadonlyMap<string, readonly string[]>> {
  const members = new Map<string, readonly string[]>()
  let cursor = '0'
  do {
    const [at, page] = (await next(cursor)) as unknown[]
    if (hasValues) for (const [member, value] of pairsOf(page)) members.set(member, [value])
    else for (const member of textsOf(page)) members.set(member, [])
    cursor = String(at)
  } while (cursor !== '0')
  return members
}

/** By the bytes of the names. */
function inOrder(names: Iterable<string>): readonly string[] {
  return Array.from(names, (name) => ({ name, bytes: Buffer.from(name) }))
    .sort((a, b) => Buffer.compare(a.bytes, b.bytes))
    .map(({ name }) => name)
}

function begunAnew(): TargetUnavailable {
  return new TargetUnavailable('redis', 'the generation was emptied or dropped while its entries were listed')
}
