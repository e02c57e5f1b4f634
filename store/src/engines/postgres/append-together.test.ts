import { deepEqual, equal, match } from 'node:assert/strict'
import { Client } from 'pg'
import { describe, it, onTestFinished } from 'vitest'
import { type FreshPlace, freshDatabase } from '../../../../test/postgres/database.ts'
import { onEveryPostgres } from '../../../../test/postgres/on-postgres.ts'
import { waitingFor } from '../../../../test/postgres/waiting.ts'
import {
  eventFor,
  eventsFor,
  expecting,
  item,
  newId,
  request,
  statusesOf,
  tombstone,
  truncation,
  unless,
} from '../../conformance/port.ts'
import type { AppendRequest, Engine } from '../../engine/engine.ts'
import { createAppendCalls } from './append.ts'
import { encodeBatch } from './batch.ts'
import { postgres } from './index.ts'

const [a, b] = [eventFor('A'), eventFor('B')]

describe('what goes together', () => {
  it.each<[string, readonly AppendRequest[], boolean]>([
    ['requests for different streams', [request([a], expecting('A', 3)), request([b])], true],
    ['one request with several events', [request(eventsFor('A', 2), expecting('A', 'no_stream'))], true],
    ['one request for several streams', [request([a, b])], true],
    ['two requests for one stream', [request([a]), request([eventFor('A')])], false],
    ['a check of a stream that is not written', [request([a], expecting('C', 3)), request([b])], false],
    ['a check of a stream that another request writes', [request([a], expecting('B', 3)), request([b])], false],
    ['a condition', [request([a], unless(item({ tags: ['a'] }))), request([b])], false],
    ['a fact about a stream', [request([truncation('A', 2)]), request([b])], false],
    ['one id twice', [request([a]), request([{ ...b, id: a.id }])], false],
  ])('%s', (_, batch, together) => equal(encodeBatch(batch, true).together, together))

  it('is nothing while something speaks against requests', () => {
    const call = createAppendCalls('varve', true)
    const batch = [request([a], expecting('A', 3)), request([b])]
    match(call(batch).first.text, /append_together/)
    call(batch).answer([`("{3,1}",0,,"{1,1}","{""1"":[1,7]}",f)`])
    match(call(batch).first.text, /\.append\(/)
    call(batch).answer(['(,0,,"{1,1}",,f)'])
    match(call(batch).first.text, /append_together/)
  })
})

onEveryPostgres(({ cluster }) => {
  async function opened(): Promise<{ readonly engine: Engine; readonly database: FreshPlace }> {
    const database = await freshDatabase(await cluster())
    const engine = postgres({ url: database.url })
    await engine.head()
    onTestFinished(async () => {
      await engine.close()
      await database.drop()
    })
    return { engine, database }
  }

  async function connected({ url }: FreshPlace): Promise<Client> {
    const client = new Client({ connectionString: url })
    await client.connect()
    onTestFinished(() => client.end())
    return client
  }

  describe('a batch together', () => {
    it('is judged request by request when something speaks against one: every verdict, and nothing of what is refused', async () => {
      const { engine } = await opened()
      const known = eventFor('A', { tags: ['t'] })
      const others = () => [request(eventsFor(newId(), 2), expecting(newId(), 'any')), request([eventFor(newId())])]
      const asked: readonly (readonly [AppendRequest, string])[] = [
        [request([known], expecting('A', 'no_stream')), 'done'],
        [request([known], expecting('A', 'no_stream')), 'repeated'],
        [request([eventFor('A')], expecting('A', 'no_stream')), 'conflict'],
        [request([eventFor('A')], expecting('A', 7)), 'conflict'],
        [request([eventFor('None')], expecting('None', 'stream_exists')), 'conflict'],
        [request([{ ...known, streamId: 'B' }]), 'duplicate_event_id'],
        [request(eventsFor('A', 3), expecting('A', 1)), 'done'],
        [request([truncation('A', 9)]), 'done'],
        [request([eventFor('A')], expecting('A', 'stream_exists')), 'conflict'],
        [request([eventFor('A')], expecting('A', 'no_stream')), 'done'],
        [request([tombstone('A')]), 'done'],
        [request([eventFor('A')]), 'tombstoned'],
      ]
      for (const [one, status] of asked) {
        deepEqual(await statusesOf(engine, [one, ...others()]), [status, 'done', 'done'])
        // After which the next batch is given its chance.
        deepEqual(await statusesOf(engine, [request([eventFor('X')]), request([eventFor('Y')])]), ['done', 'done'])
      }
      equal(await engine.head(), 7 + asked.length * 5)
      equal((await engine.streams({ prefix: 'None', after: '', limit: 1 })).streams.length, 0)
    })

    it('is made by the short function, and by the other one only when something is in its way', async () => {
      const { engine, database } = await opened()
      const client = await connected(database)
      await client.query('alter function varve.append rename to append_withheld')
      const first = [request([a], expecting('A', 'no_stream')), request([b, eventFor('C', { tags: ['t', 'u'] })])]
      deepEqual(await statusesOf(engine, first), ['done', 'done'])
      const second = [request(eventsFor('A', 2), expecting('A', 1)), request([eventFor('B')], expecting('B', 1))]
      deepEqual(await statusesOf(engine, second), ['done', 'done'])
      equal(await engine.head(), 6)
    })

    it('sees what was committed while it waited for a stream', async () => {
      const { engine, database } = await opened()
      await engine.append([request([a]), request([b])])
      const client = await connected(database)
      await client.query('begin')
      await engine.appendWithin?.(client, request([eventFor('B')]))
      const waiting = statusesOf(engine, [
        request([eventFor('A')], expecting('A', 1)),
        request([eventFor('B')], expecting('B', 1)),
      ])
      await waitingFor(database, 'transactionid')
      await client.query('commit')
      deepEqual(await waiting, ['done', 'conflict'])
    })

    it('never waits in a circle: locks are taken in one order, whatever the order of the requests', async () => {
      const { database } = await opened()
      const calls = createAppendCalls('varve', false)
      const writer = async (step: number): Promise<void> => {
        const client = await connected(database)
        for (let round = 0; round < 60; round++) {
          // Some streams are there, some are new.
          const streams = Array.from({ length: 12 }, (_, nth) => `S-${(round >> 2) * 6 + ((nth * step) % 13)}`)
          // Where a stream is there against what was expected, the other function goes on.
          const check = round % 3 === 0 ? 'no_stream' : 'any'
          const { first: query } = calls(streams.map((id) => request([eventFor(id)], expecting(id, check))))
          await client.query(query.text, query.values as unknown[])
        }
      }
      // Sent without the engine, which would send a batch again that met a deadlock.
      await Promise.all([1, 5, 8, 12].map(writer))
    })
  })
})
