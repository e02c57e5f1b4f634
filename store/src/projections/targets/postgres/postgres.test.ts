import { describe, test } from 'vitest'
import { type FreshPlace, freshDatabase } from '../../../../../test/postgres/database.ts'
import { npmMajor } from '../../../../../test/postgres/distribution.ts'
import { onPostgres } from '../../../../../test/postgres/on-postgres.ts'
import { execute } from '../../../../../test/postgres/role.ts'
import { type OpenedTarget, targetConformance } from '../../../conformance/index.ts'
import type { Target } from '../../../model/target.ts'
import { type Documents, documentTarget, type PostgresReadModel, postgresTarget } from './index.ts'

const counting: OpenedTarget<PostgresReadModel>['counting'] = {
  empty: (db) =>
    db.query('drop table if exists counts; create table counts (key bytea primary key, number integer not null)'),
  // Bytes, since text holds no NUL.
  add: (db, { key, by }) =>
    db.query(
      'insert into counts (key, number) values ($1, $2) on conflict (key) do update set number = counts.number + $2',
      [Buffer.from(key), by],
    ),
  count: async (db, key) => {
    const { rows } = await db.query<{ number: number }>('select number from counts where key = $1', [Buffer.from(key)])
    return rows[0]?.number ?? 0
  },
}

interface Count {
  readonly number: number
}

const countingDocuments: OpenedTarget<Documents<Count>>['counting'] = {
  empty: () => undefined,
  add: async (counts, { key, by }) => counts.put(key, { number: ((await counts.get(key))?.number ?? 0) + by }),
  count: async (counts, key) => (await counts.get(key))?.number ?? 0,
}

let schemas = 0

/** Opens targets on a schema of their own, each with connections that the server can tell from all others. */
function onFreshSchema<ReadModel>(
  { url }: FreshPlace,
  over: (target: Target<PostgresReadModel>) => Target<ReadModel>,
): Omit<OpenedTarget<ReadModel>, 'counting'> {
  const schema = `views ${++schemas}`
  const opened: Target<PostgresReadModel>[] = []
  const connect = (): Target<ReadModel> => {
    const named = new URL(url)
    named.searchParams.set('application_name', `${schema}-${opened.length + 1}`)
    const target = postgresTarget({ url: named.href, schema })
    opened.push(target)
    return over(target)
  }
  return {
    target: connect(),
    traits: { concurrent: true },
    reopen: connect,
    openBeside: connect,
    // The server cuts all connections, whatever they are at: what was not committed is rolled back.
    afterCrash: async () => {
      const cut = `select pg_terminate_backend(pid) from pg_stat_activity
        where application_name = '${schema}-${opened.length}'`
      await execute({ url }, cut)
      return connect()
    },
    cleanUp: () => Promise.all(opened.map((target) => target.close())),
  }
}

onPostgres(({ cluster, major }) => {
  let shared: ReturnType<typeof freshDatabase> | undefined
  const database = async (): Promise<FreshPlace> => {
    shared ??= freshDatabase(await cluster())
    return shared
  }

  describe('SQL on PostgreSQL keeps every promise of a target', () => {
    targetConformance({
      test,
      open: async () => ({ ...onFreshSchema(await database(), (target) => target), counting }),
    })
  })

  // Documents are SQL of one target: what differs between versions shows above.
  describe.runIf(major === npmMajor)('documents on PostgreSQL keep every promise of a target', () => {
    targetConformance({
      test,
      open: async () => ({
        ...onFreshSchema(await database(), (target) => documentTarget<Count>(target, 'counts')),
        counting: countingDocuments,
      }),
    })
  })
})
