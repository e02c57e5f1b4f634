import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { type Ended, root, run } from './pack.ts'

/** Programs from the documentation, written to files that can be compiled and run. */
export interface Programs {
  /** Checks the types of all of them at once. */
  readonly compile: () => Promise<Ended>
  /** Runs one in a folder of its own. */
  readonly run: (name: string) => Promise<Ended>
  readonly remove: () => void
}

/**
 * Writes programs into a folder inside the repository, so that `varve` is the workspace, and outside of node_modules, where
 * Node strips no types.
 */
export function writePrograms(kind: string, programs: ReadonlyMap<string, string>): Programs {
  mkdirSync(join(root, '.varve'), { recursive: true })
  const folder = mkdtempSync(join(root, '.varve', `${kind}-`))
  const config = {
    extends: '../../tsconfig.tests.json',
    compilerOptions: { incremental: false, tsBuildInfoFile: null, noUnusedLocals: false },
    include: ['*.ts'],
    references: [],
  }
  writeFileSync(join(folder, 'tsconfig.json'), JSON.stringify(config))
  for (const [name, code] of programs) writeFileSync(join(folder, `${name}.ts`), code)
  return {
    compile: () => run('tsc', ['-p', folder], root),
    run: (name) => {
      const workingFolder = join(folder, name)
      mkdirSync(workingFolder)
      return run('node', [join(folder, `${name}.ts`)], workingFolder)
    },
    remove: () => rmSync(folder, { recursive: true, force: true }),
  }
}
