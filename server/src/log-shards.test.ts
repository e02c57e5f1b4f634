import { randomUUID } from 'node:crypto'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { type EventStore, logShardOf, memory, type ReadAllOptions, type RecordedEvent } from 'varve'
import { connect } from 'varve/remote'
import { afterAll, afterEach, beforeEach, describe, expect, it } from 'vitest'
import { start, temporaryFolder, varve } from '../../test/cli/varve.ts'
import { rawClient } from '../../test/kurrent/raw-client.ts'
import { examineLog } from './cli/examine-log.ts'
import type { Finding } from './cli/finding.ts'
import { serverConfig } from './config.ts'
import { type RunningServer, startServer } from './server.ts'

const logShards = 4
const streamIds = Array.from({ length: 12 }, (_, number) => `Order-${number}`)
const folder = temporaryFolder()
afterAll(folder.remove)

let server: RunningServer

function inShards(): Promise<RunningServer> {
  return startServer(serverConfig({ store: `memory:?logShards=${logShards}`, port: 0, logLevel: 'silent' }))
}

beforeEach(async () => {
  server = await inShards()
  for (const streamId of streamIds) await server.store.append(streamId, [{ type: 'Placed', data: { streamId } }])
})
afterEach(() => server.close())

async function answer(path: string, accept = 'application/json'): Promise<{ status: number; text: string }> {
  const response = await fetch(`${server.url}${path}`, { headers: { accept } })
  return { status: response.status, text: await response.text() }
}

describe('a server over a log in shards', () => {
  it('is ready, says how many shards there are, and where each ends', async () => {
    expect((await answer('/health/ready')).status).toBe(200)
    const { heads, head, capabilities } = JSON.parse((await answer('/head')).text)
    expect(heads).toEqual(await server.store.heads())
    expect(head).toBe(Math.max(...heads))
    expect(capabilities).toMatchObject({ log_shards: logShards, append_conditions: false })
  })

  it('gives pages of one shard, and of all lines', async () => {
    const whole = await answer('/events')
    expect(whole.status).toBe(501)
    expect(JSON.parse(whole.text)).toMatchObject({ code: 'NOT_SUPPORTED', capability: 'logShards' })
    const shard = logShardOf('Order-3', logShards)
    const first = JSON.parse((await answer(`/events?shard=${shard}&limit=1`)).text)
    const rest = JSON.parse((await answer(`/events?shard=${shard}&from=${first.next}`)).text)
    const own = streamIds.filter((streamId) => logShardOf(streamId, logShards) === shard)
    const streams = [...first.events, ...rest.events].map(({ stream_id }) => stream_id)
    expect(streams).toEqual(own)
    expect(rest).toMatchObject({ end: true, head: (await server.store.heads())[shard] })
    const lines = (await answer('/events', 'application/x-ndjson')).text.trim().split('\n')
    expect(lines).toHaveLength(streamIds.length)
    expect((await answer('/events?shard=4')).status).toBe(400)
  })

  it('lets a subscription go on after Last-Event-ID, which names a place in every shard', async () => {
    const heard = await listen({})
    const ids = [...(await heard.until('caught_up')).matchAll(/id: (\S+)\nevent: event/g)].map(([, id]) => id)
    expect(ids).toHaveLength(streamIds.length)
    const again = await listen({ 'last-event-id': ids[7] ?? '' })
    expect([...(await again.until('caught_up')).matchAll(/event: event/g)]).toHaveLength(4)
    for (const id of ['7', '1,2,3', '1,2,3,x', '1,2,3,4,5']) {
      const { status } = await fetch(`${server.url}/subscribe`, { headers: { 'last-event-id': id } })
      expect(status, id).toBe(400)
    }
  })

  it('speaks no protocol of KurrentDB, and says why with every call', async () => {
    await using client = rawClient(server.url)
    for (const path of ['streams.Streams/Read', 'streams.Streams/BatchAppend', 'projections.Projections/Create']) {
      const { status, message } = await client.call(`/event_store.client.${path}`, [Buffer.alloc(0)])
      expect(status, path).toBe(12)
      expect(decodeURIComponent(message ?? ''), path).toContain('4 shards, each with an order of its own')
    }
  })

  it('is followed from the command line, exported, and imported as it was', async () => {
    const on = (words: readonly string[]) => varve(folder.path, [...words, '--store', server.url])
    expect((await on(['head'])).stdout.trim()).toBe((await server.store.heads()).join('\t'))
    const tail = await on(['tail', '-n', '5', '--limit', '5', '--json'])
    expect(tail.stdout.trim().split('\n')).toHaveLength(5)
    const file = `${randomUUID()}.ndjson`
    expect((await on(['export', file])).stderr).toBe('')
    await using other = await inShards()
    const imported = await varve(folder.path, ['import', file, '--store', other.url, '--json'])
    expect(JSON.parse(imported.stdout)).toMatchObject({ imported: streamIds.length, positions_kept: true })
    expect(await placesIn(other)).toEqual(await placesIn(server))
  })

  it('is refused by name where the command line needs one order', async () => {
    const file = join(folder.path, 'begun.ndjson')
    writeFileSync(file, (await varve(folder.path, ['export', '--store', server.url])).stdout)
    for (const words of [
      ['tail', '--from', '7'],
      ['export', file, '--continue'],
    ]) {
      const { code, stderr } = await varve(folder.path, [...words, '--store', server.url])
      expect(code, words.join(' ')).not.toBe(0)
      expect(stderr).toContain('4 shards, each with an order of its own')
    }
  })

  it('is examined shard by shard', async () => {
    await server.store.truncateBefore('Order-3', 2)
    await server.store.tombstone('Order-4')
    const { code, stdout } = await varve(folder.path, ['doctor', '--store', server.url, '--json'])
    const findings: Finding[] = stdout
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line))
    expect(findings.filter(({ state }) => state !== 'ok').map(({ check }) => check)).toEqual(['durability'])
    const places = findings.find(({ check }) => check === 'positions')?.says
    expect(places).toContain(`positions ${(await server.store.heads()).join(' ')} of the log shards`)
    expect(code).toBe(1)
  })

  it('keeps rights by lists in metadata, in whichever shard they lie', async () => {
    await server.store.setStreamMetadata('Order-3', { $acl: { $r: 'ada' } })
    await using store = await connect({ url: server.url })
    expect((await store.getStreamMetadata('Order-3')).values).toEqual({ $acl: { $r: 'ada' } })
  })
})

describe('the examination of a log in shards', () => {
  type Harm = (events: RecordedEvent[]) => readonly RecordedEvent[]
  it.each<[what: string, check: string, harm: Harm]>([
    ['an event is missing', 'positions', (events) => events.slice(1)],
    ['an event is there twice', 'positions', (events) => events.toSpliced(6, 0, events[5] as RecordedEvent)],
    [
      'a stream lies in another shard',
      'positions',
      (events) => events.map((event, at) => (at === 5 ? { ...event, streamId: elsewhere(event) } : event)),
    ],
    [
      'an id occurs in two shards',
      'event ids',
      (events) => events.map((event, at) => (at === 5 ? { ...event, id: events[4]?.id ?? '' } : event)),
    ],
  ])('finds it when %s', async (_what, check, harm) => {
    const events = await server.store.readAll().toArray()
    const harmed = Object.create(server.store, {
      readAll: {
        value: (asked: ReadAllOptions) => (asked.limit === 1 ? server.store.readAll(asked) : harm([...events])),
      },
      capabilities: { value: server.store.capabilities },
    }) as EventStore
    const options = { signal: new AbortController().signal, onEvent: () => undefined }
    const found = (store: EventStore) =>
      examineLog(store, options).then(({ findings }) => findings.filter(({ state }) => state !== 'ok'))
    expect((await found(harmed)).map((finding) => finding.check)).toContain(check)
    expect(await found(server.store)).toEqual([])
  })

  /** The id of a stream that lies in another shard than the one of the event. */
  function elsewhere({ streamId }: RecordedEvent): string {
    const other = streamIds.find((id) => logShardOf(id, logShards) !== logShardOf(streamId, logShards))
    return other ?? ''
  }
})

describe('varve import --from a log in shards', () => {
  const importing = (to: string, ...options: readonly string[]) =>
    varve(folder.path, ['import', '--from', server.url, '--store', to, '--json', ...options])
  const more = async (): Promise<void> => {
    // The later shards are ahead then: what follows in the first has lower positions than what was copied.
    for (const streamId of streamIds) await server.store.append(streamId, [{ type: 'Paid', data: {} }])
  }

  it('copies it as it is into as many shards, with what is kept beside it, and again only what is new', async () => {
    await using other = await inShards()
    await server.store.shelf.put('deadline/1', { at: [1] })
    await server.store.checkpoints.save('mails', await server.store.heads())
    const first = await importing(other.url, '--shelf', '--checkpoint', 'mails')
    expect(JSON.parse(first.stdout)).toMatchObject({
      imported: streamIds.length,
      positions_kept: true,
      positions: await server.store.heads(),
      shelf_entries: 1,
    })
    expect(await other.store.checkpoints.load('mails')).toMatchObject({ positions: await server.store.heads() })
    for (let round = 1; round <= 3; round++) {
      await more()
      const again = await importing(other.url)
      expect(JSON.parse(again.stdout)).toMatchObject({ imported: streamIds.length, already_present: 0 })
      expect(await placesIn(other)).toEqual(await placesIn(server))
    }
  })

  it('misses nothing that comes where the log is behind', async () => {
    const target = `sqlite:${randomUUID()}.db`
    expect((await importing(target)).code).toBe(0)
    const shortest = streamIds.find((id) => logShardOf(id, logShards) === 0) ?? ''
    const ahead = streamIds.find((id) => logShardOf(id, logShards) === 1) ?? ''
    for (let at = 0; at < 20; at++) await server.store.append(ahead, [{ type: 'Paid', data: { at } }])
    expect(JSON.parse((await importing(target)).stdout)).toMatchObject({ imported: 20 })
    await server.store.append(shortest, [{ type: 'Paid', data: {} }])
    expect(JSON.parse((await importing(target)).stdout)).toMatchObject({ imported: 1, already_present: 0 })
    const { stdout } = await varve(folder.path, ['read', shortest, '--store', target])
    expect(stdout.trim().split('\n')).toHaveLength(2)
    const shelved = await importing(target, '--shelf')
    expect(shelved).toMatchObject({ code: 3, stderr: expect.stringContaining(`has ${logShards} log shards`) })
  })

  it('follows it until it is ended', async () => {
    await using other = await inShards()
    const words = ['import', '--from', server.url, '--store', other.url, '--follow']
    const { child, ended } = start(folder.path, words)
    await expect.poll(async () => placesIn(other)).toEqual(await placesIn(server))
    for (let round = 1; round <= 5; round++) {
      await more()
      await expect.poll(async () => placesIn(other)).toEqual(await placesIn(server))
    }
    child.kill('SIGINT')
    expect(await ended).toMatchObject({ code: 0 })
  })
})

describe('a client that follows a log in shards', () => {
  it('gets each event once, in the order of its stream, although servers come and go', async () => {
    const kept = memory({ logShards })
    const deps = { engine: { ...kept, close: async () => undefined } }
    const config = (port: number) => serverConfig({ store: 'memory:', port, logLevel: 'silent' })
    let serving = await startServer(config(0), deps)
    const port = Number(new URL(serving.url).port)
    await using store = await connect({ url: serving.url })
    const seen: RecordedEvent[] = []
    const following = (async () => {
      for await (const event of store.subscribe()) if (seen.push(event) === 4 * streamIds.length) return
    })()
    for (let round = 1; round <= 4; round++) {
      for (const streamId of streamIds) await serving.store.append(streamId, [{ type: 'Placed', data: { round } }])
      await expect.poll(() => seen.length, { timeout: 10_000 }).toBeGreaterThan((round - 1) * streamIds.length)
      await serving.close()
      serving = await startServer(config(port), deps)
    }
    await following
    expect(new Set(seen.map(({ id }) => id)).size).toBe(4 * streamIds.length)
    for (const streamId of streamIds) {
      const versions = seen.filter((event) => event.streamId === streamId).map(({ version }) => version)
      expect(versions, streamId).toEqual([1, 2, 3, 4])
    }
    await serving.close()
    await kept.close()
  })
})

async function placesIn({ store }: RunningServer): Promise<unknown> {
  const events: RecordedEvent[] = await store.readAll().toArray()
  return events.map(({ id, streamId, version, position }) => ({ id, streamId, version, position }))
}

async function listen(headers: Record<string, string>): Promise<{ until: (text: string) => Promise<string> }> {
  const leaving = new AbortController()
  const response = await fetch(`${server.url}/subscribe`, { headers, signal: leaving.signal })
  const reader = response.body?.pipeThrough(new TextDecoderStream()).getReader()
  return {
    until: async (text) => {
      let heard = ''
      while (!heard.includes(text)) heard += (await reader?.read())?.value ?? ''
      leaving.abort()
      return heard
    },
  }
}
