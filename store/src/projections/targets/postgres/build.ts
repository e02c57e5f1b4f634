import { StoreClosed } from '../../../model/errors.ts'
import type { Target, TargetCheckpoint } from '../../../model/target.ts'
import { checkpointStatements, loaded } from './checkpoints.ts'
import { isGone, passingTranslated, translated } from './errors.ts'
import { answered, type PostgresReadModel } from './read-model.ts'
import type { Sessions } from './session.ts'
import { type WriteParts, written } from './write.ts'

/** One schema with tables of read models and their checkpoints. */
export interface BuildParts extends Omit<WriteParts, 'sql'> {
  /** Quoted. */
  readonly schema: string
  /** Throws once the target is closed. */
  readonly check: () => void
}

/** One schema as a target. */
export function openBuild(parts: BuildParts): Target<PostgresReadModel> {
  const { sessions, schema, searchPath, isGeneration } = parts
  const sql = checkpointStatements(schema)
  const underWay = new Set<Promise<unknown>>()
  let closed = false

  function check(): void {
    parts.check()
    if (closed) throw new StoreClosed('The target')
  }

  async function load(name: string): Promise<TargetCheckpoint | undefined> {
    try {
      return await sessions.transaction({ searchPath, access: 'read only' }, (client) => loaded(client, sql, name))
    } catch (error) {
      if (isGeneration && isGone(error)) return undefined
      throw translated(error)
    }
  }

  async function track<Result>(running: Promise<Result>): Promise<Result> {
    underWay.add(running)
    try {
      return await running
    } finally {
      underWay.delete(running)
    }
  }

  const close = async (): Promise<void> => {
    closed = true
    await Promise.allSettled(underWay)
  }
  return {
    readModel: readingModel(sessions, searchPath, check),
    emptiesItself: false,
    checkpoint: async (name) => {
      check()
      return track(load(name))
    },
    write: async (change) => {
      check()
      await track(written({ ...parts, sql }, change))
    },
    close,
    [Symbol.asyncDispose]: close,
  }
}

/** Reads a schema as it is committed: three round trips, for the search path is set for this statement alone. */
function readingModel(sessions: Sessions, searchPath: string, check: () => void): PostgresReadModel {
  return {
    query: async (sql, values) => {
      check()
      try {
        return await sessions.transaction({ searchPath, access: 'read only' }, (client) =>
          answered(client, sql, values),
        )
      } catch (error) {
        throw passingTranslated(error)
      }
    },
  }
}
