import { DynamoDBClient } from '@aws-sdk/client-dynamodb'
import type { Engine } from '../store/src/engine/engine.ts'
import { dynamodb } from '../store/src/engines/dynamodb/index.ts'
import { postgres } from '../store/src/engines/postgres/index.ts'

/**
 * The engine that a program of a test uses: of a database, or of a table at an endpoint, as in `http://127.0.0.1:8000#table`, or
 * `http://127.0.0.1:8000#table#4` with four log shards.
 */
export function engineAt(url: string, connectionsMax: number): Engine {
  if (!url.startsWith('http')) return postgres({ url, connectionsMax })
  const [endpoint = '', table = '', logShards = '1'] = url.split('#')
  const credentials = { accessKeyId: 'varve', secretAccessKey: 'varve' }
  const client = new DynamoDBClient({ endpoint, region: 'eu-west-1', credentials })
  // Small chunks, so that many are sealed while others read.
  return dynamodb({ table, logShards: Number(logShards), client, chunkCommits: 8 })
}
