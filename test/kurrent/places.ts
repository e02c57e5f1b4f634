import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

/** Where a store lies. */
export interface Place {
  readonly store: string
  readonly cleanUp: () => unknown
}

/** Makes a place for each test. */
export type MakePlace = () => Place | Promise<Place>

/** Stores that need nothing but this machine. */
export const embedded: Readonly<Record<'memory' | 'sqlite', MakePlace>> = {
  memory: () => ({ store: 'memory:', cleanUp: () => undefined }),
  sqlite: () => {
    const folder = mkdtempSync(join(tmpdir(), 'varve-kurrent-'))
    return { store: `sqlite:${join(folder, 'store.db')}`, cleanUp: () => rmSync(folder, { recursive: true }) }
  },
}
