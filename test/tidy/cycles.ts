import type { Rule } from './rule.ts'
import { type Tree, targetOf } from './tree.ts'

/** Rule 1: no cycles. */
export const hasNoCycles: Rule = {
  holds: 'no file imports itself, however long the way round, types included',
  breaches: (tree) => cyclesIn(tree),
  wrong: {
    'three files go round by types': {
      'server/src/a.ts': "import type { B } from './b.ts'",
      'server/src/b.ts': "export type { C } from './c.ts'",
      'server/src/c.ts': "type A = import('./a.ts').A",
    },
  },
  right: {
    'store/src/model/a.ts': "import './b.ts'\nimport './c.ts'",
    'store/src/model/b.ts': "import './c.ts'",
    'store/src/model/c.ts': '',
    'bench/run.ts': "fork(new URL('./process.ts', import.meta.url))",
    'bench/process.ts': "import './run.ts'",
  },
}

function cyclesIn(tree: Tree): readonly string[] {
  const done = new Set<string>()
  const found: string[] = []
  const visit = (path: string, trail: readonly string[]): void => {
    if (trail.includes(path)) found.push(`${[...trail.slice(trail.indexOf(path)), path].join(' > ')} is a cycle`)
    if (done.has(path)) return
    done.add(path)
    for (const { specifier, isStart } of tree.sources.get(path)?.imports ?? []) {
      const target = isStart ? undefined : targetOf(path, specifier)
      if (target !== undefined && tree.sources.has(target)) visit(target, [...trail, path])
    }
  }
  for (const path of tree.sources.keys()) visit(path, [])
  return found
}
