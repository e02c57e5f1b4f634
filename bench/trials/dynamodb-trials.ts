import { DynamoDBClient, TransactWriteItemsCommand } from '@aws-sdk/client-dynamodb'
import { dynamodb, dynamodbMaintenance } from '../../store/src/engines/dynamodb/index.ts'
import { openStore } from '../../store/src/open-store.ts'
import type { Trial } from '../harness/trial.ts'
import { driveAppenders, type Load } from '../load/appenders.ts'
import { jsonEvent, newEvent } from '../load/events.ts'

/** The load, and the table that the trial has for itself. */
export interface DynamoDBSettings extends Load {
  readonly endpoint: string
  readonly table: string
  /** Default 1. */
  readonly logShards?: number
}

function clientOf(endpoint: string): DynamoDBClient {
  const credentials = { accessKeyId: 'varve', secretAccessKey: 'varve' }
  return new DynamoDBClient({ endpoint, region: 'eu-west-1', credentials })
}

const varve: Trial<DynamoDBSettings> = async ({ endpoint, table, logShards = 1, ...load }) => {
  const client = clientOf(endpoint)
  const store = openStore({ engine: dynamodb({ table, logShards, client }) })
  await store.heads()
  const measured = await driveAppenders(
    (streamId, version, nth) =>
      store.append(streamId, [newEvent(streamId, version, nth)], { expectedVersion: version }),
    load,
  )
  await store.close()
  client.destroy()
  return measured
}

/** The least that keeps versions: a head with a condition, and the event. No global order, no ids, nothing to find it by. */
const rawTransactions: Trial<DynamoDBSettings> = async ({ endpoint, table: TableName, ...load }) => {
  const client = clientOf(endpoint)
  await using maintenance = dynamodbMaintenance({ table: TableName, client })
  await maintenance.up()
  const measured = await driveAppenders(async (streamId, version, nth) => {
    const head = {
      TableName,
      Key: { pk: { S: streamId }, sk: { S: 'HEAD' } },
      UpdateExpression: 'set version = :next',
      ConditionExpression: version === 0 ? 'attribute_not_exists(pk)' : 'version = :known',
      ExpressionAttributeValues: {
        ':next': { N: String(version + 1) },
        ...(version > 0 && { ':known': { N: String(version) } }),
      },
    }
    const event = {
      TableName,
      Item: {
        pk: { S: streamId },
        sk: { S: String(version + 1).padStart(16, '0') },
        event: { S: jsonEvent(streamId, version, nth) },
      },
      ConditionExpression: 'attribute_not_exists(pk)',
    }
    await client.send(new TransactWriteItemsCommand({ TransactItems: [{ Update: head }, { Put: event }] }))
  }, load)
  client.destroy()
  return measured
}

/** What can be run in a process of its own, by name. */
export const trials: Readonly<Record<string, Trial<DynamoDBSettings>>> = { varve, rawTransactions }
