/**
 * A write:
 *
 *   begin > lock the checkpoint > compare it > run handlers > save the checkpoint > commit > done
 *                                                                                         > (no answer) > look under the lock
 *
 * Whoever waits for the lock of a checkpoint sees, when it gets it, whether the one before was committed.
 */
import type { PostgresClient } from '../../../engines/postgres/driver.ts'
import { CheckpointConflict } from '../../../model/shelf-errors.ts'
import { checkpointHolds, checkpointText, type TargetChange } from '../../../model/target.ts'
import { TargetFailed } from '../../../model/target-errors.ts'
import { type CheckpointStatements, locked, saved } from './checkpoints.ts'
import { isAnswerLost, isGone, translated } from './errors.ts'
import { lendConnection, type PostgresReadModel } from './read-model.ts'
import type { Sessions } from './session.ts'

/** Pauses before each look whether a commit went through, in milliseconds: about ten seconds. */
const pausesMs = [50, 100, 200, 400, 800, 1_600, 3_000, 4_000] as const

/** What writes need of the schema that they write to. */
export interface WriteParts {
  readonly sessions: Sessions
  readonly sql: CheckpointStatements
  /** Quoted. */
  readonly searchPath: string
  /** A generation may be dropped by others: whoever still writes to it is overtaken. */
  readonly isGeneration: boolean
  /** Runs an emptying write, which may drop tables that readers see. */
  readonly emptied: (client: PostgresClient, write: () => Promise<void>) => Promise<void>
}

/** Carries out a change of a target. */
export async function written(parts: WriteParts, change: TargetChange<PostgresReadModel>): Promise<void> {
  const { sessions, searchPath, sql } = parts
  let mayBeKept = false
  let failure: Failure | undefined
  const committing = (): void => {
    mayBeKept = true
  }
  const failed = (thrown: unknown): void => {
    failure = { thrown }
  }
  try {
    await sessions.transaction({ searchPath, committing }, (client) => {
      const run = (): Promise<void> => changed(client, sql, change, failed)
      return change.empty ? parts.emptied(client, run) : run()
    })
  } catch (error) {
    if (failure !== undefined) throw failure.thrown
    if (parts.isGeneration && isGone(error)) throw new CheckpointConflict(change.projection)
    if (!mayBeKept || !isAnswerLost(error) || !(await isKept(parts, change))) throw translated(error)
  }
}

/** What a handler threw. */
interface Failure {
  readonly thrown: unknown
}

/** The whole of a write, inside of its transaction. `failed` is told what a handler threw, which is no error of ours. */
async function changed(
  client: PostgresClient,
  sql: CheckpointStatements,
  { projection, expected, next, apply }: TargetChange<PostgresReadModel>,
  failed: (thrown: unknown) => void,
): Promise<void> {
  const { found, transaction } = await locked(client, sql, { projection, next })
  if (!checkpointHolds(expected, found)) throw new CheckpointConflict(projection)
  const lent = lendConnection(client)
  try {
    await apply(lent.readModel)
  } catch (thrown) {
    failed(thrown)
    throw thrown
  } finally {
    lent.end()
    await lent.settled()
  }
  if (!(await saved(client, sql, { projection, next, transaction }))) {
    throw new TargetFailed(
      'postgres',
      'a handler ended the transaction of its write, so that changes are kept without their checkpoint: rebuild the read model.',
    )
  }
}

/** Whether a write whose commit nobody answered is there, which its own lock has to be waited for to know. */
async function isKept(
  { sessions, searchPath, sql }: WriteParts,
  { projection, next, expected }: TargetChange<PostgresReadModel>,
): Promise<boolean> {
  for (const pauseMs of pausesMs) {
    await sessions.clock.sleep(pauseMs)
    const looking = sessions.transaction({ searchPath, end: 'rollback' }, (client) =>
      locked(client, sql, { projection, next }),
    )
    const looked = await looking.then(
      (row) => row,
      (error: unknown) => (isAnswerLost(error) ? undefined : Promise.reject(translated(error))),
    )
    if (looked === undefined) continue
    if (looked.found !== undefined && checkpointText(looked.found) === checkpointText(next)) return true
    if (checkpointHolds(expected, looked.found)) return false
    throw new CheckpointConflict(projection)
  }
  return false
}
