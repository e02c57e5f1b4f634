import { DriverMissing } from '../../model/errors.ts'
import type { ClientPlace } from './client.ts'

/** The package, as far as it is used. */
export type Driver = typeof import('@aws-sdk/client-dynamodb')

/** The value of an attribute, in the forms that the engine stores. */
export interface Attribute {
  readonly S?: string
  readonly N?: string
  readonly B?: Uint8Array
}

/** The two parts of every key. */
export interface Key {
  readonly pk: string
  readonly sk: string
}

/** What one item holds beside its key. */
export type Attributes = Readonly<Record<string, Attribute>>

/** An item as the engine handles it. */
export interface Item extends Key {
  readonly attributes: Attributes
}

/** An item in the form of the driver. */
export function toDriver({ pk, sk, attributes }: Item): Record<string, never> {
  return { ...attributes, pk: { S: pk }, sk: { S: sk } } as unknown as Record<string, never>
}

/** A key in the form of the driver. */
export function keyToDriver({ pk, sk }: Key): Record<string, never> {
  return { pk: { S: pk }, sk: { S: sk } } as unknown as Record<string, never>
}

/** An item of the driver. */
export function fromDriver(found: Record<string, Attribute>): Item {
  const { pk, sk, ...attributes } = found
  return { pk: pk?.S ?? '', sk: sk?.S ?? '', attributes }
}

/** The driver tells the console of what is repeated here anyway. */
const silent = { debug: ignore, info: ignore, warn: ignore, error: ignore }
function ignore(): void {}

/** A request that is not answered by then is sent again; in milliseconds. DynamoDB itself gives up after five seconds. */
const requestMs = 8_000

/** A client of our own. It repeats nothing: the engine does, and has to know when it did. */
export function createClient(
  { DynamoDBClient }: Driver,
  { region, endpoint }: ClientPlace,
): InstanceType<Driver['DynamoDBClient']> {
  return new DynamoDBClient({
    ...(region !== undefined && { region }),
    ...(endpoint !== undefined && { endpoint }),
    maxAttempts: 1,
    requestHandler: { connectionTimeout: 2_000, requestTimeout: requestMs, throwOnRequestTimeout: true },
    logger: silent,
  })
}

/**
 * The package that speaks to DynamoDB.
 *
 * @throws DRIVER_MISSING
 */
export async function importDriver(): Promise<Driver> {
  try {
    return await import('@aws-sdk/client-dynamodb')
  } catch (error) {
    const install = 'Install it beside varve: npm install @aws-sdk/client-dynamodb'
    throw new DriverMissing('The @aws-sdk/client-dynamodb package', install, { cause: error })
  }
}
