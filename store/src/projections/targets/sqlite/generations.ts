import { existsSync } from 'node:fs'
import { pathToFileURL } from 'node:url'
import { InvalidArgument } from '../../../model/errors.ts'
import type { Generation, Generations } from '../../../model/target.ts'
import { TargetFailed } from '../../../model/target-errors.ts'
import { checkedGeneration, isMissing } from '../generation.ts'
import { openBuild, type SqliteBuild, targetOn } from './build.ts'
import type { SqliteDatabase } from './database.ts'
import { sqliteEntries } from './entries.ts'
import { removed, synced } from './files.ts'
import type { Patience } from './patience.ts'
import { attachedMax, openReaders } from './readers.ts'
import { openRegistry, type Registry } from './registry.ts'

/** The generations of a target in a file, and what its readers see. */
export interface SqliteGenerations {
  readonly generations: Generations<SqliteDatabase>
  readonly readModel: SqliteDatabase
  /** After the writes that were called before. */
  close(): Promise<void>
}

/** Opens the generations that lie beside the main file. `check` throws once the target is closed. */
export function openGenerations(path: string, patience: Patience, check: () => void): SqliteGenerations {
  const pathOf = (id: number): string => `${path}.g${id}`
  const registry = openRegistry(path, patience)
  const readers = openReaders(path, { registry, pathOf, busyMs: patience.busyMs }, check)
  const builds = new Map<SqliteBuild, number>()
  // What cannot be removed now is left to the next opening.
  const swept = sweep(registry, pathOf).catch(() => undefined)

  async function open(given: Generation): Promise<SqliteBuild> {
    const id = await registry.open(given, (made) => {
      // Left by a main file that somebody has removed alone.
      if (!removed(pathOf(made))) throw new TargetFailed('sqlite', `${pathOf(made)} is in the way. Remove it.`)
    })
    check()
    const build = openBuild(pathOf(id), patience, () => registry.isThere(id))
    builds.set(build, id)
    return build
  }

  async function drop(given: Generation): Promise<void> {
    const id = await registry.drop(given)
    if (id === undefined) return
    await Promise.all([...builds].filter(([, of]) => of === id).map(([build]) => build.close()))
    if (removed(pathOf(id))) await registry.forget(id)
  }

  return {
    generations: {
      open: async (given) => {
        check()
        const build = await open(checkedGeneration(given))
        const close = async (): Promise<void> => {
          await build.close()
          builds.delete(build)
        }
        return { ...targetOn(build), close, [Symbol.asyncDispose]: close }
      },
      published: async (projection) => {
        check()
        return registry.published(projection)
      },
      publish: async (given) => {
        check()
        await registry.publish(checkedGeneration(given), (id, shown) => {
          checkReady(given, pathOf(id), shown)
          synced(pathOf(id))
        })
        readers.changed()
      },
      drop: async (given) => {
        check()
        await drop(checkedGeneration(given))
      },
      entries: async function* (given) {
        check()
        const id = registry.find(checkedGeneration(given))
        if (id !== undefined) yield* sqliteEntries(`${pathToFileURL(pathOf(id)).href}?mode=rw`, patience.busyMs)
      },
    },
    readModel: readers.readModel,
    close: async () => {
      await swept
      await Promise.all([...builds.keys()].map((build) => build.close()))
      readers.close()
      await registry.close()
    },
  }
}

/** Removes the files of dropped generations, and what says that they were dropped. */
async function sweep(registry: Registry, pathOf: (id: number) => string): Promise<void> {
  const gone = registry.dropped().filter((id) => removed(pathOf(id)))
  for (const id of gone) await registry.forget(id)
}

function checkReady(given: Generation, path: string, shown: readonly number[]): void {
  if (!existsSync(path)) throw isMissing(given)
  if (shown.length < attachedMax) return
  throw new InvalidArgument(
    'generation',
    `is of one projection too many: readers of a SQLite target see up to ${attachedMax - 1} published ones. ` +
      'Give some of the projections a target of their own',
  )
}
