import { fileURLToPath } from 'node:url'
import { describe, expect, it } from 'vitest'
import { hasNoCycles } from './tidy/cycles.ts'
import { importsDownwardOnly, machinesArePure, serverUsesPublishedEntries } from './tidy/layering.ts'
import { driversStayInOneFolder, enginesRunConformance, throwsOwnErrors, timeAndChanceComeIn } from './tidy/purity.ts'
import type { Rule } from './tidy/rule.ts'
import {
  everyFileIsReached,
  exportsByName,
  filesAreKebabCase,
  namesSayWhat,
  onlyEntriesReExport,
  staysSmall,
} from './tidy/shape.ts'
import { treeOf, treeOnDisk } from './tidy/tree.ts'
import { everyExportIsExplained, laterHasReason, leavesNothingBehind } from './tidy/wording.ts'

const rules: readonly Rule[] = [
  importsDownwardOnly,
  hasNoCycles,
  machinesArePure,
  serverUsesPublishedEntries,
  driversStayInOneFolder,
  enginesRunConformance,
  throwsOwnErrors,
  onlyEntriesReExport,
  exportsByName,
  filesAreKebabCase,
  staysSmall,
  namesSayWhat,
  everyFileIsReached,
  leavesNothingBehind,
  laterHasReason,
  everyExportIsExplained,
  timeAndChanceComeIn,
]

const tree = treeOnDisk(fileURLToPath(new URL('..', import.meta.url)))

describe('the repository', () => {
  for (const { holds, breaches } of rules) {
    it(holds, () => {
      expect(breaches(tree)).toEqual([])
    })
  }

  it.each([
    ['store/src/', 40],
    ['server/src/', 15],
    ['test/', 8],
    ['examples/', 3],
  ])('was really read: %s has at least %i source files', (folder, files) => {
    const seen = [...tree.sources.keys()].filter((path) => path.startsWith(folder))
    expect(seen.length).toBeGreaterThanOrEqual(files)
  })
})

for (const rule of rules) {
  describe(`the rule that ${rule.holds}`, () => {
    it.each(Object.entries(rule.wrong))('is broken where %s', (_, texts) => {
      expect(rule.breaches(treeOf(texts))).not.toEqual([])
    })

    it('lets pass what only looks wrong', () => {
      expect(rule.breaches(treeOf(rule.right))).toEqual([])
    })
  })
}
