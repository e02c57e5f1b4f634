import { UpdateTableCommand } from '@aws-sdk/client-dynamodb'
import { describe, expect, it } from 'vitest'
import { badRoad } from '../../../../test/dynamodb/bad-road.ts'
import { onDynamoDB } from '../../../../test/dynamodb/on-dynamodb.ts'
import type { DynamoDBServer } from '../../../../test/dynamodb/server.ts'
import { openStore } from '../../open-store.ts'
import { dynamodb, dynamodbMaintenance } from './index.ts'

const placed = { type: 'OrderPlaced', data: {} }

function freshPlace({ client, freshTable }: DynamoDBServer) {
  return { client, table: freshTable() }
}

describe('options of the engine', () => {
  it.each([
    [{ table: 'no' }, /table is not a name of 3 to 255/],
    [{ table: 'shop events' }, /table is not a name/],
    [{ table: 'shop', logShards: 0 }, /logShards is not a whole number from 1 to 64/],
    [{ table: 'shop', logShards: 65 }, /logShards is not a whole number from 1 to 64/],
    [{ table: 'shop', region: 'EU west' }, /region is not the name of a region/],
    [{ table: 'shop', endpoint: 'localhost:8000' }, /endpoint is not the URL of a server/],
    [{ table: 'shop', client: {} as never }, /client is no DynamoDBClient/],
    [{ table: 'shop', client: { send: async () => ({}) }, region: 'eu-west-1' }, /client has a region/],
    [{ table: 'shop', lookMsMax: 10 }, /lookMsMax is not a whole number of milliseconds from 50 on/],
    [{ table: 'shop', chunkCommits: 0 }, /chunkCommits is not a whole number from 1 to 1000/],
  ])('are refused: %j', (options, says) => {
    expect(() => dynamodb(options)).toThrow(says)
  })
})

onDynamoDB((server) => {
  describe('the table of a store', () => {
    it('is made once, by one of several processes that start together', async () => {
      const place = freshPlace(server())
      const stores = Array.from({ length: 5 }, () => openStore({ engine: dynamodb(place) }))
      const appended = await Promise.all(stores.map((store) => store.append('Order-1', [placed])))
      expect(appended.map(({ version }) => version).sort()).toEqual([1, 2, 3, 4, 5])
      for (const store of stores) await store.close()
    })

    it('tells how far it is, is made, and is then found to be sound', async () => {
      await using maintenance = dynamodbMaintenance(freshPlace(server()))
      expect(await maintenance.status()).toMatchObject({ version: 0, newest: 1, missing: [{ name: 'the table' }] })
      await expect(maintenance.inspect()).rejects.toMatchObject({ code: 'ENGINE_FAILED' })
      expect(await maintenance.up()).toEqual([{ version: 1, name: 'the table' }])
      expect(await maintenance.up()).toEqual([])
      expect((await maintenance.inspect()).map(({ state }) => state)).toEqual(['ok', 'ok', 'ok', 'ok'])
    })

    it('keeps the number of log shards that its store was made with, and says it to whoever names another one', async () => {
      const place = freshPlace(server())
      await using maintenance = dynamodbMaintenance({ ...place, logShards: 4 })
      await maintenance.up()
      expect(await maintenance.status()).toMatchObject({ logShards: 4 })
      expect((await maintenance.inspect()).map(({ state }) => state)).toEqual(Array.from({ length: 7 }, () => 'ok'))
      await using other = dynamodbMaintenance(place)
      const refusal = { code: 'INVALID_ARGUMENT', message: expect.stringContaining('?logShards=4') }
      await expect(other.up()).rejects.toMatchObject(refusal)
      for (const migrate of ['up', 'refuse'] as const) {
        await using store = openStore({ engine: dynamodb({ ...place, logShards: 2, migrate }) })
        await expect(store.append('Order-1', [placed])).rejects.toMatchObject(refusal)
      }
    })

    it('is made with one number of log shards by processes that start together and want different ones', async () => {
      const place = freshPlace(server())
      const stores = [1, 2, 3, 4].map((logShards) => openStore({ engine: dynamodb({ ...place, logShards }) }))
      const outcomes = await Promise.allSettled(stores.map((store) => store.append('Order-1', [placed])))
      expect(outcomes.filter(({ status }) => status === 'fulfilled')).toHaveLength(1)
      for (const outcome of outcomes)
        if (outcome.status === 'rejected') expect(outcome.reason).toMatchObject({ code: 'INVALID_ARGUMENT' })
      for (const store of stores) await store.close()
    })

    it('is protected from deletion, and found out when it is not', async () => {
      const place = freshPlace(server())
      await using maintenance = dynamodbMaintenance(place)
      await maintenance.up()
      await server().client.send(new UpdateTableCommand({ TableName: place.table, DeletionProtectionEnabled: false }))
      expect(await maintenance.inspect()).toContainEqual(
        expect.objectContaining({ check: 'protection', state: 'warning' }),
      )
    })

    it('is refused when a newer Varve made it', async () => {
      const road = badRoad(server().client)
      const place = { ...freshPlace(server()), client: road.client }
      await using maintenance = dynamodbMaintenance(place)
      const client = {
        send: async (command: never) => {
          const answer = (await road.client.send(command)) as { Item?: { version?: { N?: string } } }
          if (answer.Item?.version?.N === '1') answer.Item.version.N = '2'
          return answer
        },
      }
      await maintenance.up()
      await using store = openStore({ engine: dynamodb({ ...place, client }) })
      await expect(store.head()).rejects.toMatchObject({ code: 'STORE_TOO_NEW' })
    })
  })

  describe('a store that is opened again', () => {
    it('reads no more of the log than its last chunks', async () => {
      const place = freshPlace(server())
      const first = openStore({ engine: dynamodb({ ...place, chunkCommits: 4 }) })
      for (let order = 0; order < 40; order++) await first.append(`Order-${order}`, [placed])
      const sealed = async () => {
        await using maintenance = dynamodbMaintenance(place)
        return (await maintenance.inspect()).find(({ check }) => check === 'indexes')?.says
      }
      await expect.poll(sealed).toBe('the indexes have 10 chunks, up to position 40')
      await first.close()
      const road = badRoad(server().client)
      await using again = openStore({ engine: dynamodb({ ...place, client: road.client }) })
      expect(await again.head()).toBe(40)
      expect(road.asked.filter(({ verb }) => verb === 'Query')).toHaveLength(1)
    })
  })
})
