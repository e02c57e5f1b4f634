import type { Generation } from '../../../model/target.ts'
import { isMissing, isPublished } from '../generation.ts'
import { createTurns } from '../turns.ts'
import { openConnection } from './database.ts'
import { type Patience, untilUnlocked } from './patience.ts'

/*
 * What generations a target keeps, in a table of its main file:
 *
 *   absent > kept > dropped (its file goes) > absent
 *             <> published
 *
 * Each lies in a file named after its id. Ids are never used again: a process that still has the file of a dropped one
 * open would otherwise take the log of its successor away when it closes. So a crash between two steps leaves a file that
 * nobody will ever open, and a row that says so; it is removed when the target is opened again.
 */

// Published is published, also after a power cut: the one before may be gone by then.
const prepareFile = `
  pragma journal_mode = wal;
  pragma synchronous = full;
  create table if not exists varve_generations (
    id         integer primary key autoincrement,
    projection text    not null,
    generation integer not null,
    state      text    not null check (state in ('kept', 'published', 'dropped'))
  ) strict;
  create unique index if not exists varve_generations_kept on varve_generations (projection, generation)
  where state <> 'dropped';`

// Parameters: projection, generation.
const find = `select id, state from varve_generations where projection = ? and generation = ? and state <> 'dropped'`

// Parameters: projection, generation.
const insert = `insert into varve_generations (projection, generation, state) values (?, ?, 'kept') returning id`

// Parameters: projection.
const published = `select generation from varve_generations where projection = ? and state = 'published'`

const shown = `select id from varve_generations where state = 'published' order by projection`

// Parameters: id, projection.
const publish = `update varve_generations set state = case id when ? then 'published' else 'kept' end
  where projection = ? and state <> 'dropped'`

// Parameters: id.
const drop = `update varve_generations set state = 'dropped' where id = ?`

const dropped = `select id from varve_generations where state = 'dropped'`

// Parameters: id.
const forget = `delete from varve_generations where id = ? and state = 'dropped'`

// Parameters: id.
const exists = `select 1 from varve_generations where id = ? and state <> 'dropped'`

/** The generations of a target. */
export interface Registry {
  /** The id of a generation, made when it is not there; `made` runs before anybody else can see it. */
  open(generation: Generation, made: (id: number) => void): Promise<number>
  find(generation: Generation): number | undefined
  isThere(id: number): boolean
  published(projection: string): number | undefined
  /** The ids of all that readers see, in an order that does not change by itself. */
  shown(): readonly number[]
  /** Another value each time that another process has changed the file. */
  version(): number
  /** `ready` runs under the lock, before readers see it. */
  publish(generation: Generation, ready: (id: number, shown: readonly number[]) => void): Promise<void>
  /** The id of the one that is now dropped, undefined when there was none. */
  drop(generation: Generation): Promise<number | undefined>
  /** The ids of dropped ones whose files may still be there. */
  dropped(): readonly number[]
  /** To be called when the file of a dropped one is gone. */
  forget(id: number): Promise<void>
  /** After the changes that were called before. */
  close(): Promise<void>
}

/** Opens the registry in the main file of a target. */
export function openRegistry(path: string, patience: Patience): Registry {
  const connection = openConnection(path, patience.busyMs, prepareFile)
  connection.exec('pragma busy_timeout = 0')
  // Asked before each statement of a reader.
  const versionOf = connection.prepare('pragma data_version')
  const inTurn = createTurns()
  const ids = (sql: string): readonly number[] =>
    connection
      .prepare(sql)
      .all()
      .map(({ id }) => Number(id))

  function change<Result>(run: () => Result): Promise<Result> {
    return inTurn(() =>
      untilUnlocked(patience, path, () => {
        connection.exec('begin immediate')
        try {
          const result = run()
          connection.exec('commit')
          return result
        } catch (error) {
          if (connection.isTransaction !== false) connection.exec('rollback')
          throw error
        }
      }),
    )
  }

  function found({ projection, generation }: Generation): { readonly id: number; readonly state: string } | undefined {
    const row = connection.prepare(find).get(projection, generation)
    return row && { id: Number(row.id), state: String(row.state) }
  }

  return {
    open: (given, made) =>
      change(() => {
        const there = found(given)
        if (there !== undefined) return there.id
        const id = Number(connection.prepare(insert).get(given.projection, given.generation)?.id)
        made(id)
        return id
      }),
    find: (given) => found(given)?.id,
    isThere: (id) => connection.prepare(exists).get(id) !== undefined,
    published: (projection) => {
      const row = connection.prepare(published).get(projection)
      return row && Number(row.generation)
    },
    shown: () => ids(shown),
    version: () => Number(versionOf.get()?.data_version),
    publish: (given, ready) =>
      change(() => {
        const there = found(given)
        if (there === undefined) throw isMissing(given)
        connection.prepare(publish).run(there.id, given.projection)
        ready(there.id, ids(shown))
      }),
    drop: (given) =>
      change(() => {
        const there = found(given)
        if (there?.state === 'published') throw isPublished(given)
        if (there !== undefined) connection.prepare(drop).run(there.id)
        return there?.id
      }),
    dropped: () => ids(dropped),
    forget: (id) => change(() => void connection.prepare(forget).run(id)),
    close: () => inTurn(async () => connection.close()),
  }
}
