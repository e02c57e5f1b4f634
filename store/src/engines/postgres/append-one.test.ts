import { deepEqual, equal } from 'node:assert/strict'
import { Client } from 'pg'
import { describe, it, onTestFinished } from 'vitest'
import { freshDatabase } from '../../../../test/postgres/database.ts'
import { onEveryPostgres } from '../../../../test/postgres/on-postgres.ts'
import { eventFor, eventsFor, expecting, item, request, tombstone, truncation, unless } from '../../conformance/port.ts'
import type { AppendRequest, Engine } from '../../engine/engine.ts'
import { encodeAlone } from './append-one.ts'
import { postgres } from './index.ts'

describe('what goes alone', () => {
  it.each<[string, readonly AppendRequest[], boolean]>([
    ['one event', [request([eventFor('A')])], true],
    ['one event with its expected version', [request([eventFor('A')], expecting('A', 3))], true],
    ['one event that expects anything', [request([eventFor('A')], expecting('B', 'any'))], true],
    ['one event that expects something of another stream', [request([eventFor('A')], expecting('B', 3))], false],
    ['one event under a condition', [request([eventFor('A')], unless(item({ tags: ['a'] })))], false],
    ['a fact about a stream', [request([truncation('A', 2)])], false],
    ['two events', [request(eventsFor('A', 2))], false],
    ['two requests', [request([eventFor('A')]), request([eventFor('B')])], false],
  ])('%s', (_, batch, alone) => equal(encodeAlone(batch) !== undefined, alone))
})

onEveryPostgres(({ cluster }) => {
  async function opened(): Promise<{ readonly engine: Engine; readonly url: string }> {
    const database = await freshDatabase(await cluster())
    const engine = postgres({ url: database.url })
    onTestFinished(async () => {
      await engine.close()
      await database.drop()
    })
    return { engine, url: database.url }
  }

  const statusOf = async (engine: Engine, one: AppendRequest): Promise<unknown> =>
    (await engine.append([one]))[0]?.status

  describe('one event alone', () => {
    it('is judged as in a batch: every verdict, and nothing of what is refused', async () => {
      const { engine } = await opened()
      const [first, second] = [eventFor('A', { tags: ['t'] }), eventFor('A', { data: new Uint8Array([0, 255]) })]
      const asked: readonly (readonly [AppendRequest, string])[] = [
        [request([first], expecting('A', 'no_stream')), 'done'],
        [request([first], expecting('A', 'no_stream')), 'repeated'],
        [request([eventFor('A')], expecting('A', 'no_stream')), 'conflict'],
        [request([eventFor('A')], expecting('A', 7)), 'conflict'],
        [request([eventFor('B')], expecting('B', 'stream_exists')), 'conflict'],
        [request([{ ...first, streamId: 'B' }]), 'duplicate_event_id'],
        [request([second], expecting('A', 1)), 'done'],
        [request([truncation('A', 3)]), 'done'],
        [request([eventFor('A')], expecting('A', 'no_stream')), 'done'],
        [request([tombstone('A')]), 'done'],
        [request([eventFor('A')]), 'tombstoned'],
        [request([eventFor('nul \0')]), 'done'],
      ]
      for (const [one, status] of asked) equal(await statusOf(engine, one), status)
      equal(await engine.head(), 6)
      deepEqual((await engine.find(second.id))?.data, second.data)
    })

    it('lands once when many send it at the same time, to its stream and to others', async () => {
      const { engine, url } = await opened()
      const beside = Array.from({ length: 3 }, () => postgres({ url }))
      onTestFinished(() => Promise.all(beside.map((other) => other.close())).then(() => undefined))
      const event = eventFor('A')
      const sent = [engine, ...beside].flatMap((one, index) =>
        ['A', 'A', `B-${index}`].map((streamId) => statusOf(one, request([{ ...event, streamId }]))),
      )
      const counts = Map.groupBy(await Promise.all(sent), (status) => status)
      equal(counts.get('done')?.length, 1)
      equal(await engine.head(), 1)
    })

    it('is made by the short function, and by the other one only when something is in its way', async () => {
      const { engine, url } = await opened()
      await engine.append([request([eventFor('A')])])
      const client = new Client({ connectionString: url })
      await client.connect()
      onTestFinished(() => client.end())
      await client.query('alter function varve.append rename to append_withheld')
      equal(await statusOf(engine, request([eventFor('A')], expecting('A', 1))), 'done')
      equal(await statusOf(engine, request([eventFor('New')], expecting('New', 'no_stream'))), 'done')
    })
  })
})
