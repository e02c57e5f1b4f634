import type { PostgresClient } from '../../../engines/postgres/driver.ts'
import type { Generation, Generations, Target, TargetEntry } from '../../../model/target.ts'
import { checkedGeneration } from '../generation.ts'
import { openBuild } from './build.ts'
import { postgresEntries } from './entries.ts'
import { isLocked, translated } from './errors.ts'
import { quoted } from './names.ts'
import type { PostgresReadModel } from './read-model.ts'
import type { Registry } from './registry.ts'
import type { Sessions, TransactionOptions } from './session.ts'

/** While a publish waits for readers to end, new ones wait behind it: so it waits for a moment only, and tries again. */
const publishLockMs = 500
const publishAttempts = 20
const publishPauseMs = 250

/** Between two pages of a listing, while whoever asked for it works on the first. */
const listIdleMs = 60_000

/** What generations need of their target. */
export interface GenerationParts {
  readonly sessions: Sessions
  readonly registry: Registry
  /** Quoted. */
  readonly pathOf: (schema: string) => string
  readonly check: () => void
}

/** The generations of a target, each in a schema of its own. */
export function createGenerations(
  parts: GenerationParts,
): Generations<PostgresReadModel> & { readonly opened: ReadonlySet<Target<PostgresReadModel>> } {
  const { sessions, registry, pathOf, check } = parts
  const opened = new Set<Target<PostgresReadModel>>()

  async function run<Result>(
    work: (client: PostgresClient) => Promise<Result>,
    options: Partial<TransactionOptions> = {},
  ): Promise<Result> {
    check()
    try {
      return await sessions.transaction({ searchPath: 'pg_catalog', ...options }, work)
    } catch (error) {
      throw translated(error)
    }
  }

  return {
    opened,
    open: async (given) => {
      check()
      const generation = checkedGeneration(given)
      const schema = await run((client) => registry.open(client, generation))
      const searchPath = pathOf(schema)
      const build = openBuild({
        ...{ sessions, schema: quoted(schema), searchPath, isGeneration: true, check },
        emptied: (client, write) => registry.remade(client, schema, write),
      })
      opened.add(build)
      const close = async (): Promise<void> => {
        await build.close()
        opened.delete(build)
      }
      return { ...build, close, [Symbol.asyncDispose]: close }
    },
    published: (projection) => run((client) => registry.published(client, projection), { access: 'read only' }),
    publish: async (given) => {
      check()
      const generation = checkedGeneration(given)
      for (let attempts = 1; ; attempts++) {
        try {
          return await sessions.transaction({ searchPath: 'pg_catalog', lockTimeoutMs: publishLockMs }, (client) =>
            registry.publish(client, generation),
          )
        } catch (error) {
          if (!isLocked(error) || attempts === publishAttempts) throw translated(error)
          await sessions.clock.sleep(publishPauseMs)
        }
      }
    },
    drop: async (given) => {
      check()
      const generation = checkedGeneration(given)
      await run((client) => registry.drop(client, generation))
    },
    entries: async function* (given): AsyncGenerator<TargetEntry> {
      check()
      const generation = checkedGeneration(given)
      try {
        yield* listed(parts, generation)
      } catch (error) {
        throw translated(error)
      }
    },
  }
}

/** Lists a generation in one transaction, which sees it as it was when the listing began. */
async function* listed({ sessions, registry }: GenerationParts, generation: Generation): AsyncGenerator<TargetEntry> {
  const session = await sessions.begin({
    searchPath: 'pg_catalog',
    access: 'read only',
    isolation: 'repeatable read',
    statementTimeoutMs: 0,
    idleTimeoutMs: listIdleMs,
  })
  try {
    const schema = await registry.find(session.client, generation)
    if (schema !== undefined) yield* postgresEntries(session.client, schema)
  } finally {
    await session.release()
  }
}
