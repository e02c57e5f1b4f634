import type { Clock } from '../../engine/clock.ts'
import { EngineFailed } from '../../model/errors.ts'
import { type Connected, createConnection } from './connection.ts'
import { createLog } from './log.ts'
import { describeTable, migrateUp, newestFormat, refuseNewer, tableState } from './migrate.ts'
import { inParallel } from './parallel.ts'
import type { ClientSource } from './place.ts'
import { createCalls } from './requests.ts'
import { readSealed } from './seal.ts'

/** One step of the format: its number, and what it brings. */
export interface DynamoDBMigration {
  readonly version: number
  readonly name: string
}

/** How far a table is. */
export interface DynamoDBStatus {
  /** The format of the store in the table; 0 when there is none. */
  readonly version: number
  /** The log shards of the store in the table; 0 when there is none. */
  readonly logShards: number
  /** The format that this package brings, and its engine needs. */
  readonly newest: number
  /** What is missing, in order. */
  readonly missing: readonly DynamoDBMigration[]
}

/** One thing that was looked at. */
export interface DynamoDBFinding {
  readonly check: string
  readonly state: 'ok' | 'warning' | 'damaged'
  readonly says: string
}

/** What an owner does about the table of a store, apart from the program that appends and reads. */
export interface DynamoDBMaintenance extends AsyncDisposable {
  /** How far the table is. Changes nothing, also when there is none. */
  status(): Promise<DynamoDBStatus>
  /**
   * Makes the table when it is missing, on demand and protected from deletion, and waits until it can be used. A store that is
   * there has to have as many log shards as were asked for.
   *
   * @returns what this call applied; nothing when all was there.
   */
  up(): Promise<readonly DynamoDBMigration[]>
  /** Looks at the settings of the table, and whether the mark of the indexes fits the log. Changes nothing. */
  inspect(): Promise<readonly DynamoDBFinding[]>
  /** Ends a client that was not yours. Closing twice is fine. */
  close(): Promise<void>
}

const migrations: readonly DynamoDBMigration[] = [{ version: 1, name: 'the table' }]

/** What maintenance needs. */
export interface MaintenanceParts {
  readonly table: string
  readonly logShards: number
  readonly source: ClientSource
  readonly clock: Clock
  readonly random: () => number
}

/** Looks after the table at a place. */
export function createMaintenance({ table, logShards, source, clock, random }: MaintenanceParts): DynamoDBMaintenance {
  const calls = createCalls({ clock, random })
  const connection = createConnection(table, source, calls)

  async function close(): Promise<void> {
    await calls.close()
    await connection.close()
  }

  return {
    status: () =>
      calls.call(undefined, async () => {
        const { version, logShards: found } = await tableState(await connection.open())
        return { version, logShards: found, newest: newestFormat, missing: migrations.slice(version) }
      }),
    up: () =>
      calls.call(undefined, async () => {
        const isMade = await migrateUp(await connection.open(), logShards, clock)
        return isMade ? migrations : []
      }),
    inspect: () => calls.call(undefined, async () => inspect(await connection.open())),
    close,
    [Symbol.asyncDispose]: close,
  }
}

async function inspect(connected: Connected): Promise<readonly DynamoDBFinding[]> {
  const { version, logShards } = await tableState(connected)
  refuseNewer(version)
  if (version === 0) {
    const name = JSON.stringify(connected.name)
    throw new EngineFailed('dynamodb', `there is no store in the table ${name}. Make it with 'varve migrate --up'`)
  }
  const { isProtected, hasKeys } = await describeTable(connected)
  return [
    {
      check: 'format',
      state: 'ok',
      says: logShards === 1 ? `version ${version}` : `version ${version}, ${logShards} log shards`,
    },
    hasKeys
      ? { check: 'table', state: 'ok', says: 'its keys are those of a store' }
      : { check: 'table', state: 'damaged', says: 'its keys are not pk and sk' },
    isProtected
      ? { check: 'protection', state: 'ok', says: 'the table cannot be deleted by mistake' }
      : {
          check: 'protection',
          state: 'warning',
          says: 'deletion protection is off: the table may be deleted by mistake',
        },
    ...(await inParallel([...Array(logShards).keys()], async (shard) => {
      const finding = await markFinding(connected, shard)
      return logShards === 1 ? finding : { ...finding, says: `log shard ${shard}: ${finding.says}` }
    })),
  ]
}

/** The mark has to lie at the end of a commit: what it says is indexed is then the beginning of the log. */
async function markFinding({ table }: Connected, shard: number): Promise<DynamoDBFinding> {
  const { chunk, position } = await readSealed(table, shard)
  const says = `the indexes have ${chunk} chunks, up to position ${position}`
  if (position === 0) return { check: 'indexes', state: 'ok', says }
  const begin = await createLog(table, shard).beginOf(position)
  const [commit] = begin === undefined ? [] : await createLog(table, shard).commitsAt([begin])
  if (commit?.lastPosition === position && commit.chunk === chunk && commit.closes) {
    return { check: 'indexes', state: 'ok', says }
  }
  return { check: 'indexes', state: 'damaged', says: `${says}, where no chunk of the log ends` }
}
