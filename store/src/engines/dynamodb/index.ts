import type { Clock } from '../../engine/clock.ts'
import type { Engine } from '../../engine/engine.ts'
import { systemClock, systemRandom } from '../../engine/system-clock.ts'
import { InvalidArgument } from '../../model/errors.ts'
import { fieldsOf, refuseUnknownOptions } from '../../model/known-fields.ts'
import type { ChunkSize } from './append.ts'
import { createMaintenance, type DynamoDBMaintenance } from './maintenance.ts'
import { openEngine } from './open-engine.ts'
import { checkedPlace, type DynamoDBPlace } from './place.ts'

const optionFields = fieldsOf<DynamoDBOptions>({
  table: true,
  logShards: true,
  client: true,
  region: true,
  endpoint: true,
  migrate: true,
  lookMsMax: true,
  chunkCommits: true,
  clock: true,
  random: true,
})

export type { DynamoDBClientLike } from './client.ts'
export type { DynamoDBFinding, DynamoDBMaintenance, DynamoDBMigration, DynamoDBStatus } from './maintenance.ts'
export type { DynamoDBPlace } from './place.ts'

/** Options of {@link dynamodb}. */
export interface DynamoDBOptions extends DynamoDBPlace {
  /**
   * What happens when there is no store in the table: `'up'` makes it, and the table too; `'refuse'` rejects with what to
   * do. Default `'up'`.
   */
  readonly migrate?: 'up' | 'refuse' | undefined
  /**
   * The longest time between two looks for commits of other processes while somebody listens, in milliseconds; each look is
   * one read unit. Commits of this engine are heard of at once. Default 1000.
   */
  readonly lookMsMax?: number | undefined
  /**
   * Commits after which indexes are written. More make indexes cheaper, since many events share an item; fewer leave less to
   * read when a store is opened. Default 64.
   */
  readonly chunkCommits?: number | undefined
  /** Where timers come from. Default: the system's. */
  readonly clock?: Clock | undefined
  /** A number from 0 up to 1, for pauses and for names of writes. Default: the system's. */
  readonly random?: (() => number) | undefined
}

/** A chunk also ends when it has so many events, or bytes as they are stored. */
const chunkEvents = 4_096
const chunkBytes = 1_048_576

/**
 * The engine on Amazon DynamoDB, through the `@aws-sdk/client-dynamodb` package. Any number of processes may use one store;
 * the order of positions is the order of commits. Connects when it is first used.
 *
 * @throws INVALID_ARGUMENT for a table or an endpoint that is none, and, by the first call, for another number of log shards
 *   than the store was made with; DRIVER_MISSING, by the first call, when the package is not installed.
 * @example
 * const store = openStore({ engine: dynamodb({ table: 'shop-events', region: 'eu-west-1' }) })
 */
export function dynamodb(options: DynamoDBOptions): Engine {
  refuseUnknownOptions(options, optionFields, 'dynamodb')
  const { migrate = 'up', lookMsMax = 1_000, chunkCommits = 64, clock = systemClock, random = systemRandom } = options
  const place = checkedPlace(options)
  if (!Number.isSafeInteger(lookMsMax) || lookMsMax < 50) {
    throw new InvalidArgument('lookMsMax', 'is not a whole number of milliseconds from 50 on')
  }
  if (!Number.isSafeInteger(chunkCommits) || chunkCommits < 1 || chunkCommits > 1_000) {
    throw new InvalidArgument('chunkCommits', 'is not a whole number from 1 to 1000')
  }
  const chunkSize: ChunkSize = { commits: chunkCommits, events: chunkEvents, bytes: chunkBytes }
  return openEngine({ ...place, migrate, lookMsMax, chunkSize, clock, random })
}

/**
 * Looks after the table of a store: whether it is there, making it, and looking at its settings. `varve migrate` and
 * `varve doctor` do the same from a command line. Connects when it is first used.
 *
 * @throws INVALID_ARGUMENT for a table or an endpoint that is none; by its calls DRIVER_MISSING when the package is not
 *   installed, STORE_TOO_NEW for a table that a newer Varve made, ENGINE_FAILED for a right that is missing.
 * @example
 * async function deploy(table: string) {
 *   await using maintenance = dynamodbMaintenance({ table, region: 'eu-west-1' })
 *   const applied = await maintenance.up()
 *   console.log(applied.map(({ version, name }) => `${version}: ${name}`), await maintenance.status())
 * }
 */
export function dynamodbMaintenance(place: DynamoDBPlace): DynamoDBMaintenance {
  // Who has the options of the engine in one object may give it here as well.
  refuseUnknownOptions(place, optionFields, 'dynamodbMaintenance')
  return createMaintenance({ ...checkedPlace(place), clock: systemClock, random: systemRandom })
}
