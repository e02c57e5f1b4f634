import { pathToFileURL } from 'node:url'
import { inMemory, lend, openConnection, type SqliteDatabase } from './database.ts'
import { isNoFile, translated } from './errors.ts'
import type { Registry } from './registry.ts'

/*
 * Readers see the published generations and the main file as if they were one database: SQLite looks for a table in the
 * attached files in the order in which they were attached. So SQL says plain table names, whatever generation is shown,
 * and another one is shown by attaching another file. Before each statement it is looked up whether that is due.
 */

/** Files that SQLite attaches to one connection, unless it was built for more. */
export const attachedMax = 10

const main = 'varve_main'

/** What readers of a target read. */
export interface Readers {
  readonly readModel: SqliteDatabase
  /** Looks for other generations, though no other process has changed anything. */
  changed(): void
  close(): void
}

/** Opens the readers of a target. */
export function openReaders(path: string, { registry, pathOf, busyMs }: ReaderParts, check: () => void): Readers {
  const connection = openConnection(inMemory, busyMs, 'pragma query_only = on')
  let attached: readonly string[] = []
  let known: number | undefined

  function attachAll(): void {
    const wanted = [...registry.shown().map((id) => ({ name: `varve_g${id}`, path: pathOf(id) })), { name: main, path }]
    if (wanted.map(({ name }) => name).join() === attached.join()) return
    for (const name of attached) connection.exec(`detach ${name}`)
    attached = []
    for (const one of wanted) {
      // Never creates a file: one that another process has just dropped would come back empty.
      connection.prepare(`attach ? as ${one.name}`).run(`${pathToFileURL(one.path).href}?mode=rw`)
      attached = [...attached, one.name]
    }
  }

  function follow(): void {
    check()
    // What is attached stays as it is until the transaction of a reader is over.
    if (connection.isTransaction === true) return
    for (;;) {
      const version = registry.version()
      if (version === known) return
      try {
        attachAll()
        known = version
        return
      } catch (error) {
        // A generation that was shown a moment ago is gone: then another one is shown by now.
        if (!isNoFile(error) || version === registry.version()) throw translated(error, path)
      }
    }
  }

  return {
    readModel: lend(connection, follow),
    changed: () => {
      known = undefined
      follow()
    },
    close: () => connection.close(),
  }
}

/** What readers need of their target. */
export interface ReaderParts {
  readonly registry: Registry
  readonly pathOf: (id: number) => string
  readonly busyMs: number
}
