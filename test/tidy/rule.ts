import type { Tree } from './tree.ts'

/** A rule of the house that a machine checks, with the samples that prove it can fail. */
export interface Rule {
  /** What holds, as a sentence. */
  readonly holds: string
  /** One line per breach, `path:line what is wrong`. */
  readonly breaches: (tree: Tree) => readonly string[]
  /** Small trees that break the rule, by what is wrong with them. */
  readonly wrong: Readonly<Record<string, Readonly<Record<string, string>>>>
  /** A small tree that comes close and keeps the rule. */
  readonly right: Readonly<Record<string, string>>
}
