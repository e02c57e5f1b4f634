import { execFile } from 'node:child_process'
import { DatabaseSync } from 'node:sqlite'
import { promisify } from 'node:util'
import { describe, expect, it } from 'vitest'
import { all, eventToStore, fill, request, storeFileOfEachTest } from '../../../../test/sqlite/store-file.ts'
import { systemClock } from '../../engine/system-clock.ts'
import type { EventToStore } from '../../model/event.ts'
import { lastPosition } from '../../model/position.ts'

const run = promisify(execFile)

/** A process of its own that appends 100 events to one stream. */
const writer = `
  import { randomUUID } from 'node:crypto'
  import { sqlite } from ${JSON.stringify(new URL('index.ts', import.meta.url).href)}
  const [path, type] = process.argv.slice(1)
  const engine = sqlite({ path })
  const json = 'application/json'
  for (let count = 0; count < 100; count++) {
    const event = { id: randomUUID(), streamId: 'Order-1', type, schemaVersion: 1, contentType: json, data: '{}',
      metadataContentType: json, metadata: '{}', tags: [], recordedAtMs: 0 }
    await engine.append([{ events: [event], checks: [] }])
  }
  await engine.close()`

const file = storeFileOfEachTest()
const { connect } = file

describe('several engines on one file', () => {
  it('takes in what the other one appended and sealed before it judges', async () => {
    const [left, right] = [connect(), connect()]
    await fill(left, 23)
    const stale = { events: [eventToStore()], checks: [{ streamId: 'Order-1', expectedVersion: 3 }] }
    expect(await right.append([stale])).toEqual([{ status: 'conflict', streamId: 'Order-1', expected: 3, actual: 8 }])
    expect(await right.append([request(eventToStore())])).toMatchObject([{ status: 'done', firstPosition: 24 }])
    expect(await left.head()).toBe(24)
  })

  it('recognises ids that the other one appended, sealed or not', async () => {
    const [left, right] = [connect(), connect()]
    await right.append([request(eventToStore())])
    const events = await fill(left, 8)
    for (const repeat of events) {
      expect(await right.append([request(repeat)])).toMatchObject([{ status: 'repeated' }])
    }
  })

  it('waits for the lock that another connection holds', async () => {
    const engine = connect()
    const other = new DatabaseSync(file.path)
    other.exec('begin immediate')
    const append = engine.append([request(eventToStore())])
    await systemClock.turn()
    other.exec('rollback')
    other.close()
    expect(await append).toMatchObject([{ status: 'done', firstPosition: 1 }])
  })

  it('says ENGINE_UNAVAILABLE when the lock does not come free, and knows nothing of what it could not write', async () => {
    let now = 0
    const clock = { ...systemClock, now: () => (now += 1_000), sleep: () => systemClock.turn() }
    const engine = connect({ clock })
    const other = new DatabaseSync(file.path)
    other.exec('begin immediate')
    const late = eventToStore()
    await expect(engine.append([request(late)])).rejects.toMatchObject({ code: 'ENGINE_UNAVAILABLE', retryable: true })
    other.exec('rollback')
    other.close()
    expect(await engine.append([request(late)])).toMatchObject([{ status: 'done', firstPosition: 1 }])
  })

  it('closes only after appends that wait for a lock', async () => {
    const engine = connect()
    const other = new DatabaseSync(file.path)
    other.exec('begin immediate')
    const append = engine.append([request(eventToStore())])
    const closed = engine.close()
    other.exec('rollback')
    other.close()
    await closed
    expect(await append).toMatchObject([{ status: 'done' }])
    await expect(engine.head()).rejects.toMatchObject({ code: 'STORE_CLOSED' })
  })

  it('gives up waiting for a lock when the signal aborts', async () => {
    const engine = connect()
    const other = new DatabaseSync(file.path)
    other.exec('begin immediate')
    const abort = new AbortController()
    const append = engine.append([request(eventToStore())], abort.signal)
    abort.abort(new Error('enough'))
    await expect(append).rejects.toThrow('enough')
    other.close()
  })

  it('wakes listeners when the other one appends, and polls only while someone listens', async () => {
    const sleeping = new Set<AbortSignal | undefined>()
    const sleep = async (ms: number, signal?: AbortSignal): Promise<void> => {
      sleeping.add(signal)
      await systemClock.sleep(ms, signal)
      sleeping.delete(signal)
    }
    const [left, right] = [connect({ clock: { ...systemClock, sleep } }), connect()]
    const abort = new AbortController()
    const wake = left.wake(abort.signal)[Symbol.asyncIterator]()
    const woken = wake.next()
    await right.append([request(eventToStore())])
    expect((await woken).done).toBe(false)
    expect(sleeping.size).toBe(0)
    const end = wake.next()
    expect(sleeping.size).toBe(1)
    abort.abort()
    expect((await end).done).toBe(true)
    await systemClock.turn()
    expect(sleeping.size).toBe(0)
  })

  it('keeps versions and positions without a hole while three processes append to one stream', async () => {
    const engine = connect({ chunkEvents: 50 })
    const writers = ['a', 'b', 'c'].map((name) =>
      run(process.execPath, ['--input-type=module', '-e', writer, file.path, name]),
    )
    await Promise.all(writers)
    const events = await all(engine)
    expect(events.map(({ version, position }) => [version, position])).toEqual(
      Array.from({ length: 300 }, (_, index) => [index + 1, index + 1]),
    )
  })
})

describe('a transaction that fails', () => {
  it.each([
    // SQLite refuses a symbol as a value.
    ['while rows are written', { schemaVersion: Symbol('none') as unknown as number }],
    ['while rows wait to be written', { tags: undefined as unknown as string[] }],
  ])('%s leaves no trace, in the file or in memory, and the next one goes on', async (_, wrong) => {
    const engine = connect()
    const [first] = await fill(engine, 7)
    const lost = eventToStore({ streamId: 'Order-new', type: 'Unheard', tags: ['lost'] })
    const broken = eventToStore(wrong)
    await expect(engine.append([request(lost, broken)])).rejects.toThrow()
    expect(await engine.head()).toBe(7)
    expect(await engine.append([request(lost)])).toMatchObject([
      { status: 'done', firstPosition: 8, streams: [{ streamId: 'Order-new', firstVersion: 1 }] },
    ])
    expect(await engine.append([request(first as EventToStore)])).toMatchObject([
      { status: 'repeated', firstPosition: 1 },
    ])
  })
})

describe('reads', () => {
  it('finds nothing in a long log without looking at its events', async () => {
    const engine = connect({ chunkEvents: 8_192 })
    const none = { types: ['Never'], tags: [], categories: [], streamPrefix: '' }
    await engine.append([request(...Array.from({ length: 9_000 }, () => eventToStore()))])
    const page = await engine.read({
      source: { query: [none] },
      direction: 'forward',
      from: 1,
      limit: 10,
      maxBytes: 1e6,
    })
    expect(page).toEqual({ events: [], next: 9_001, end: true, head: 9_000 })
  })

  it('bounds the work of one call, and gets to the end over several', { timeout: 120_000 }, async () => {
    const engine = connect({ chunkEvents: 1_000 })
    const odd = (index: number): string => (index % 2 === 1 ? 'odd' : 'even')
    const events = Array.from({ length: 300_000 }, (_, index) =>
      eventToStore({ streamId: `S${index % 100}-${index % 7}`, type: odd(index), tags: [odd(index + 1)] }),
    )
    for (let from = 0; from < events.length; from += 10_000)
      await engine.append([request(...events.slice(from, from + 10_000))])
    const never = { types: ['odd'], tags: ['odd'], categories: [], streamPrefix: '' }
    const ends: number[] = []
    for (let from = 1; ; ) {
      const page = await engine.read({
        source: { query: [never] },
        direction: 'forward',
        from,
        limit: 10,
        maxBytes: 1e6,
      })
      expect(page.events).toEqual([])
      ends.push(page.next)
      if (page.end) break
      from = page.next
    }
    expect(ends.length).toBeGreaterThan(1)
    expect(ends.at(-1)).toBe(300_001)
  })

  it('never loads more than a few events beyond maxBytes', async () => {
    const engine = connect()
    const large = 'x'.repeat(10_000)
    await engine.append([request(...Array.from({ length: 200 }, () => eventToStore({ data: large })))])
    const page = await engine.read({
      source: { streamId: 'Order-1' },
      direction: 'backward',
      from: lastPosition,
      limit: 200,
      maxBytes: 25_000,
    })
    expect(page.events.map(({ version }) => version)).toEqual([200, 199, 198])
    expect(page.next).toBe(197)
  })
})
