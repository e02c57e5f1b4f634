import type { Clock } from '../../engine/clock.ts'
import { EngineFailed, InvalidArgument, StoreTooNew } from '../../model/errors.ts'
import type { Connected } from './connection.ts'
import { isInUse, isNoTable } from './errors.ts'
import { formatKey } from './keys.ts'
import { absent } from './table.ts'

/** The format of the table that this code reads and writes. */
export const newestFormat = 1

/** Between two looks at a table that is being made, in milliseconds, and looks before it is said that it takes too long. */
const lookMs = 500
const looksMax = 240

/** What is known of a table. */
export interface TableState {
  /** The format of the store in it, 0 when there is none. */
  readonly version: number
  /** The log shards of the store in it, 0 when there is none. */
  readonly logShards: number
  /** Whether the table itself is there. */
  readonly hasTable: boolean
}

/** Looks at a table; changes nothing. */
export async function tableState({ table }: Connected): Promise<TableState> {
  try {
    const item = await table.get(formatKey)
    const { version, shards } = item?.attributes ?? {}
    return { version: Number(version?.N ?? 0), logShards: Number(shards?.N ?? 0), hasTable: true }
  } catch (error) {
    if (isNoTable((error as Error).cause)) return { version: 0, logShards: 0, hasTable: false }
    throw error
  }
}

/** Refuses a table that this code does not know. */
export function refuseNewer(version: number): void {
  if (version > newestFormat) throw new StoreTooNew(version, newestFormat)
}

/** Refuses a table whose store has another number of log shards. */
export function refuseOtherShards(found: number, asked: number, table: string): void {
  if (found === asked) return
  throw new InvalidArgument(
    'logShards',
    `is ${asked}, but the store in the table ${JSON.stringify(table)} was made with ${found}, and keeps that: open it with ` +
      `logShards: ${found}, or ?logShards=${found} in its URL. For another number make a new store, and copy the events`,
  )
}

/**
 * Makes the table where it is missing, and says in it what it is. Of several processes that start together one makes it and
 * the others wait until it is there.
 *
 * @returns whether this call did anything.
 */
export async function migrateUp(connected: Connected, logShards: number, clock: Clock): Promise<boolean> {
  const state = await tableState(connected)
  refuseNewer(state.version)
  if (state.version === newestFormat) {
    refuseOtherShards(state.logShards, logShards, connected.name)
    return false
  }
  if (!state.hasTable) await makeTable(connected, clock)
  const { pk, sk } = formatKey
  const attributes = { version: { N: String(newestFormat) }, shards: { N: String(logShards) } }
  const written = await connected.table.put({ pk, sk, attributes }, absent)
  if (written.done) return true
  // Somebody made it in the meantime, or this did and was not told: with how many shards is what counts.
  refuseOtherShards(Number(written.met?.attributes.shards?.N), logShards, connected.name)
  return false
}

async function makeTable(connected: Connected, clock: Clock): Promise<void> {
  const { driver, client, calls, name: TableName } = connected
  try {
    await calls.repeated(() =>
      client.send(
        new driver.CreateTableCommand({
          TableName,
          BillingMode: 'PAY_PER_REQUEST',
          AttributeDefinitions: [
            { AttributeName: 'pk', AttributeType: 'S' },
            { AttributeName: 'sk', AttributeType: 'S' },
          ],
          KeySchema: [
            { AttributeName: 'pk', KeyType: 'HASH' },
            { AttributeName: 'sk', KeyType: 'RANGE' },
          ],
          // A table that is dropped takes the log with it.
          DeletionProtectionEnabled: true,
        }) as never,
      ),
    )
  } catch (error) {
    if (!isInUse((error as Error).cause)) throw error
  }
  for (let looks = 0; looks < looksMax; looks++) {
    if ((await describeTable(connected)).status === 'ACTIVE') return
    await clock.sleep(lookMs)
  }
  throw new EngineFailed('dynamodb', `the table ${JSON.stringify(TableName)} is still being made. Try again later`)
}

/** What DynamoDB says about a table. */
export interface TableDescription {
  readonly status: string | undefined
  readonly isProtected: boolean
  /** The keys of the table are those of a store. */
  readonly hasKeys: boolean
}

/** What DynamoDB says about the table. */
export async function describeTable({ driver, client, calls, name }: Connected): Promise<TableDescription> {
  const command = new driver.DescribeTableCommand({ TableName: name })
  const { Table: found } = (await calls.repeated(() => client.send(command as never))) as {
    readonly Table?: {
      readonly TableStatus?: string
      readonly DeletionProtectionEnabled?: boolean
      readonly KeySchema?: readonly { readonly AttributeName?: string; readonly KeyType?: string }[]
    }
  }
  const keys = found?.KeySchema?.map(({ AttributeName, KeyType }) => `${KeyType} ${AttributeName}`) ?? []
  return {
    status: found?.TableStatus,
    isProtected: found?.DeletionProtectionEnabled === true,
    hasKeys: keys.join() === 'HASH pk,RANGE sk',
  }
}
