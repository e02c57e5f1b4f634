import { deepEqual } from 'node:assert/strict'
import { it } from 'vitest'
import { freshDatabase } from '../../../../test/postgres/database.ts'
import { onEveryPostgres } from '../../../../test/postgres/on-postgres.ts'
import type { AppendRequest } from '../../engine/engine.ts'
import type { EventToStore } from '../../model/event.ts'
import { jsonContentType } from '../../model/payload.ts'
import { postgres, postgresMaintenance } from './index.ts'

const event: EventToStore = {
  id: '01900000-0000-7000-8000-000000000001',
  streamId: 'Order-1',
  type: 'OrderPlaced',
  schemaVersion: 1,
  contentType: jsonContentType,
  data: '{}',
  metadataContentType: jsonContentType,
  metadata: '{}',
  tags: [],
  recordedAtMs: 0,
}

onEveryPostgres(({ cluster }) => {
  it('leaves the ids of a refused request to the next one of its batch, and knows them from then on', async () => {
    await using database = await freshDatabase(await cluster())
    const engine = postgres({ url: database.url })
    const asked: AppendRequest = { events: [event], checks: [] }
    const refused: AppendRequest = { events: [event], checks: [{ streamId: 'Order-1', expectedVersion: 7 }] }
    const outcomes = await engine.append([refused, asked, asked, refused])
    deepEqual(
      outcomes.map(({ status }) => status),
      ['conflict', 'done', 'repeated', 'repeated'],
    )
    deepEqual(outcomes[2], { ...outcomes[1], status: 'repeated' })
    deepEqual(await engine.head(), 1)
    await engine.close()
  })

  it('knows ids that are said to be new from before the events were divided into parts', async () => {
    await using database = await freshDatabase(await cluster())
    const engine = postgres({ url: database.url })
    const request = (id: number, streamId: string): AppendRequest => ({
      events: [{ ...event, id: event.id.slice(0, -1) + id, streamId }],
      checks: [],
      idsAreNew: true,
    })
    const before = [request(1, 'Order-1'), request(2, 'Order-2')]
    const landed = await engine.append(before)
    await using maintenance = postgresMaintenance({ url: database.url })
    await maintenance.partition(100_000)
    const alone = [...(await engine.append(before.slice(0, 1))), ...(await engine.append(before.slice(1)))]
    const repeated = landed.map((outcome) => ({ ...outcome, status: 'repeated' }))
    deepEqual(alone, repeated)
    deepEqual(await engine.append(before), repeated)
    const [elsewhere] = await engine.append([request(1, 'Order-3')])
    deepEqual([elsewhere?.status, await engine.head()], ['duplicate_event_id', 2])
    await engine.close()
  })
})
