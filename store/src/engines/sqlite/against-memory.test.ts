import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, expect, it } from 'vitest'
import type { AppendRequest, Engine, ReadQuery } from '../../engine/engine.ts'
import { systemClock } from '../../engine/system-clock.ts'
import type { EventToStore, StoredEvent } from '../../model/event.ts'
import { jsonContentType, samePayload } from '../../model/payload.ts'
import { lastPosition } from '../../model/position.ts'
import type { NormalQuery, NormalQueryItem } from '../../model/query.ts'
import { memory } from '../memory/index.ts'
import { openEngine } from './open-engine.ts'

/*
 * Random calls, the same to the memory engine and to two SQLite engines on one file, which must all answer alike.
 * Chunks of a few events put every kind of border into every kind of call.
 */

interface Chance {
  below(bound: number): number
  one<Item>(items: readonly Item[]): Item
  some<Item>(items: readonly Item[], most: number): Item[]
}

/** mulberry32: a seed replays. */
function chanceFrom(seed: number): Chance {
  let state = seed
  const below = (bound: number): number => {
    state = (state + 0x6d2b79f5) | 0
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
    return ((mixed ^ (mixed >>> 14)) >>> 0) % bound
  }
  const one = <Item>(items: readonly Item[]): Item => items[below(items.length)] as Item
  return { below, one, some: (items, most) => [...new Set(Array.from({ length: below(most + 1) }, () => one(items)))] }
}

const streams = [
  'Order-1',
  'Order-2',
  'Order-22',
  'Order',
  'Ord-7',
  'Payment-1',
  "it's-\0-öñ😀",
  '$sys-1',
  '-',
  'Zebra',
]
const types = ['Placed', 'Paid', 'Shipped', 'Odd\0type']
const tags = ['customer:1', 'customer:2', 'a', 'tag "quoted"', '\u0001']
const payloads = ['{}', '{"a":"öñ😀"}', 'text with \0 in it', '', new Uint8Array(), new Uint8Array([0, 255, 128])]

class Case {
  readonly #chance: Chance
  readonly #ids: string[] = []
  head = 0

  constructor(chance: Chance) {
    this.#chance = chance
  }

  batch(): AppendRequest[] {
    return Array.from({ length: 1 + this.#chance.below(3) }, () => this.#request())
  }

  #request(): AppendRequest {
    const chance = this.#chance
    const events = Array.from({ length: 1 + chance.below(4) }, () => this.#event())
    const fresh = new Map(events.map((event) => [event.id, event]))
    const checks = chance.some(streams, 2).map((streamId) => ({
      streamId,
      expectedVersion: chance.one([chance.below(8), 'any', 'any', 'any', 'no_stream', 'stream_exists'] as const),
    }))
    const condition = { failIfMatch: this.query(), after: Math.max(0, this.head - chance.below(30)) }
    return {
      events: [...fresh.values()],
      checks: chance.below(2) === 0 ? checks : [],
      ...(chance.below(4) === 0 && { condition }),
    }
  }

  #event(): EventToStore {
    const chance = this.#chance
    const known = chance.below(25) === 0 && this.#ids.length > 0
    const id = known ? chance.one(this.#ids) : `00000000-0000-4000-8000-${String(this.#ids.length).padStart(12, '0')}`
    if (!known) this.#ids.push(id)
    const contentType = chance.one([jsonContentType, jsonContentType, 'application/octet-stream'])
    const event = {
      id,
      streamId: chance.one(streams),
      type: chance.one(types),
      schemaVersion: 1 + chance.below(3),
      contentType,
      data: chance.one(payloads),
      metadataContentType: jsonContentType,
      metadata: chance.one(payloads),
      tags: chance.some(tags, 3),
      recordedAtMs: 1_700_000_000_000 + this.#ids.length,
    }
    if (chance.below(30) > 0) return event
    const fact = { ...event, streamId: `$$${event.streamId}`, contentType: jsonContentType }
    if (chance.below(6) === 0) return { ...fact, type: '$tombstone' }
    return {
      ...fact,
      type: '$metadata',
      data: chance.one([`{"truncate_before":${1 + chance.below(20)}}`, '{}', 'no json']),
    }
  }

  query(): NormalQuery {
    if (this.#chance.below(5) === 0) return 'everything'
    return Array.from({ length: 1 + this.#chance.below(2) }, () => this.#item())
  }

  #item(): NormalQueryItem {
    const chance = this.#chance
    const item = {
      types: chance.some([...types, 'Never'], 2),
      tags: chance.some(tags, 2),
      categories: chance.some(['Order', 'Ord', 'Payment', 'Never'], 1),
      streamPrefix: chance.one(['', '', '', 'Order', 'Order-', 'Order-2', 'Or', 'Nothing', '$', 'it']),
    }
    return item.types.length + item.tags.length + item.categories.length + item.streamPrefix.length > 0
      ? item
      : { ...item, types: ['Paid'] }
  }

  read(): ReadQuery {
    const chance = this.#chance
    const streamId = chance.one(streams)
    const onStream = chance.below(2) === 0
    return {
      source: onStream ? { streamId } : { query: this.query() },
      direction: chance.one(['forward', 'backward']),
      from: chance.one([0, 1, lastPosition, chance.below(onStream ? 40 : this.head + 5)]),
      limit: chance.one([0, 1, 2, 5, 100, 1000]),
      maxBytes: chance.one([1, 10, 40, 100_000]),
    }
  }
}

const folder = mkdtempSync(join(tmpdir(), 'varve-'))
afterAll(() => rmSync(folder, { recursive: true, force: true }))

/** Events compared as bytes, whichever form they come in. */
function comparable(event: StoredEvent): unknown {
  return { ...event, data: bytes(event.data), metadata: bytes(event.metadata) }
}

function bytes(payload: StoredEvent['data']): string {
  expect(samePayload(payload, Buffer.from(payload))).toBe(true)
  return Buffer.from(payload).toString('hex')
}

async function answers(engine: Engine, calls: Case, query: ReadQuery): Promise<unknown> {
  const page = await engine.read(query)
  expect(page.head).toBe(calls.head)
  return { ...page, events: page.events.map(comparable) }
}

async function play(seed: number, steps: number): Promise<void> {
  const chance = chanceFrom(seed)
  const calls = new Case(chance)
  const path = join(folder, `${seed}.db`)
  const reference = memory()
  const chunkEvents = chance.one([1, 3, 7, 50, 8192])
  const connect = (): Engine => openEngine({ path, clock: systemClock, chunkEvents })
  const engines = [connect(), connect()]
  for (let step = 0; step < steps; step++) {
    const which = chance.below(2)
    const engine = engines[which] as Engine
    const kind = chance.below(20)
    if (kind < 8) {
      const batch = calls.batch()
      const expected = await reference.append(batch)
      expect(await engine.append(batch), `step ${step}`).toEqual(expected)
      calls.head = await reference.head()
    } else if (kind < 16) {
      const query = calls.read()
      const expected = await answers(reference, calls, query)
      expect(await answers(engine, calls, query), `step ${step}: ${JSON.stringify(query)}`).toEqual(expected)
    } else if (kind < 18) {
      const query = {
        prefix: chance.one(['', 'Or', 'Order-', 'Z', '$$']),
        after: chance.one(['', 'Order-1', 'P']),
        limit: chance.below(6),
      }
      expect(await engine.streams(query), `step ${step}: ${JSON.stringify(query)}`).toEqual(
        await reference.streams(query),
      )
    } else if (kind < 19) {
      expect(await engine.head()).toBe(await reference.head())
    } else {
      await engine.close()
      engines[which] = connect()
    }
  }
  await Promise.all(engines.map((engine) => engine.close()))
}

const seeds = process.env.VARVE_SEED
  ? [Number(process.env.VARVE_SEED)]
  : Array.from({ length: 12 }, (_, index) => 1_000 + index)

it.each(seeds)(
  'answers every call like the memory engine, from two connections to one file (VARVE_SEED=%i)',
  async (seed) => {
    await play(seed, 250)
  },
)
