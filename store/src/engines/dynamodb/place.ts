import { InvalidArgument } from '../../model/errors.ts'
import { limits } from '../../model/limits.ts'
import { isPosition } from '../../model/position.ts'
import type { ClientPlace, DynamoDBClientLike } from './client.ts'

/** Where a store lies in DynamoDB. */
export interface DynamoDBPlace {
  /** The name of the table; it holds one store and nothing else. */
  readonly table: string
  /**
   * Log shards, up to `limits.logShards`. A store is made with a number of them and keeps it; with more than 1 each has an order
   * of its own, and there are no append conditions. Default 1.
   */
  readonly logShards?: number | undefined
  /**
   * A DynamoDBClient of yours, with credentials, region and endpoint as you have set them. It stays yours: closing does not
   * end it. Default: a client of its own, which finds credentials as the AWS SDK does.
   */
  readonly client?: DynamoDBClientLike | undefined
  /** The region of a client of its own, as in `eu-west-1`. Default: as the AWS SDK finds it. */
  readonly region?: string | undefined
  /** Where a client of its own connects to, as in `http://127.0.0.1:8000`. Default: Amazon's endpoint of the region. */
  readonly endpoint?: string | undefined
}

/** How to get at DynamoDB. */
export type ClientSource = { readonly client: DynamoDBClientLike } | ClientPlace

/** A place that was given, checked. */
export function checkedPlace({ table, logShards = 1, client, region, endpoint }: DynamoDBPlace): {
  readonly table: string
  readonly logShards: number
  readonly source: ClientSource
} {
  if (typeof table !== 'string' || !/^[a-zA-Z0-9_.-]{3,255}$/.test(table)) {
    throw new InvalidArgument('table', 'is not a name of 3 to 255 letters, digits, dots, hyphens and underscores')
  }
  if (!isPosition(logShards) || logShards < 1 || logShards > limits.logShards) {
    throw new InvalidArgument('logShards', `is not a whole number from 1 to ${limits.logShards}`)
  }
  if (client !== undefined) {
    if (region !== undefined || endpoint !== undefined) {
      throw new InvalidArgument('client', 'has a region and an endpoint already: give either a client, or these')
    }
    if (typeof (client as Partial<DynamoDBClientLike> | null)?.send !== 'function') {
      throw new InvalidArgument('client', 'is no DynamoDBClient of @aws-sdk/client-dynamodb')
    }
    return { table, logShards, source: { client } }
  }
  if (region !== undefined && (typeof region !== 'string' || !/^[a-z0-9-]{1,63}$/.test(region))) {
    throw new InvalidArgument('region', 'is not the name of a region, such as eu-west-1')
  }
  if (endpoint !== undefined && !(URL.canParse(endpoint) && /^https?:$/.test(new URL(endpoint).protocol))) {
    throw new InvalidArgument('endpoint', 'is not the URL of a server, such as http://127.0.0.1:8000')
  }
  return { table, logShards, source: { region, endpoint } }
}
