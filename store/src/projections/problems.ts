import type { ProjectionLogLine } from './running-partition.ts'

/** What is wrong with projections for as long as it is, so that what is found at each look is told once. */
export interface Problems {
  /** Tells it, unless it is what was told of this before. */
  are(what: string, line: ProjectionLogLine): void
  /** From here on the same is told again. */
  areOver(what: string): void
}

/** Nothing is wrong yet. */
export function createProblems(log: (line: ProjectionLogLine) => void): Problems {
  const told = new Map<string, string>()
  return {
    are: (what, line) => {
      if (told.get(what) === line.text) return
      told.set(what, line.text)
      log(line)
    },
    areOver: (what) => {
      told.delete(what)
    },
  }
}
