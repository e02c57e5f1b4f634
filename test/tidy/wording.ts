import type { Rule } from './rule.ts'
import type { SourceFile } from './source.ts'
import { isTest } from './tree.ts'

/** Written in halves, so that this file does not contain what it looks for. */
const banned = [
  ['/wo', 'rk/'],
  ['registry.npm', 'js'],
  ['FIX', 'ME'],
].map((halves) => halves.join(''))
const only = ['it', 'test', 'describe', 'suite'].map((name) => [name, '.on', 'ly('].join(''))

/** Rule 9: docstrings. */
export const everyExportIsExplained: Rule = {
  holds: 'every exported name of the packages has a docstring right above it',
  breaches: (tree) =>
    [...tree.sources.values()]
      .filter(({ path }) => /^(store|server)\/src\//.test(path) && !isTest(path))
      .flatMap((source) =>
        source.declared
          .filter(
            (declared, index) => !isExplained(source, declared) && declared.name !== source.declared[index - 1]?.name,
          )
          .map(({ name, line }) => `${source.path}:${line} exports ${name} without a docstring`),
      ),
  wrong: {
    'a function is unexplained': { 'store/src/model/a.ts': 'export function a() {}' },
    'a type is unexplained': { 'server/src/a.ts': '/** B. */\nexport type B = 1\nexport type A = 1' },
    'a name is exported apart from what explains it': {
      'store/src/model/a.ts': '/** A. */\nconst a = 1\n\nexport { a }',
    },
    'a comment is no docstring': { 'store/src/model/a.ts': '// a\nexport const a = 1' },
    'a docstring says nothing': { 'store/src/model/a.ts': '/** */\nexport const a = 1' },
    'the docstring is of the file': { 'store/src/model/a.ts': '/** The file. */\nimport "./b.ts"\nexport const a = 1' },
  },
  right: {
    'store/src/model/a.ts':
      '/** A. */\nexport const a = 1\n\n/** B. */\n// why\nexport function b(): void\nexport function b(): void {}',
    'store/src/model/a.test.ts': 'export const a = 1',
  },
}

/** Rule 8: nothing left over. */
export const leavesNothingBehind: Rule = {
  holds:
    'no file holds a path of one machine, a registry, a mark of unfinished work or a test that silences the others',
  breaches: (tree) =>
    [...tree.texts].flatMap(([path, text]) =>
      text.split('\n').flatMap((line, index) => {
        const found = [...banned, ...only].find((word) => line.includes(word))
        return found === undefined ? [] : [`${path}:${index + 1} contains ${found}`]
      }),
    ),
  wrong: {
    'a path of one machine is written down': { 'docs/a.md': `see ${banned[0]}a` },
    'a registry is named': { '.ci/run': `curl https://${banned[1]}.org` },
    'unfinished work is marked': { 'store/src/a.ts': `// ${banned[2]} later` },
    'a test silences the others': { 'store/src/a.test.ts': `${only[0]}'a', () => {})` },
    'a suite silences the others': { 'store/src/a.test.ts': `${only[2]}'a', () => {})` },
  },
  right: { 'store/src/a.ts': '// the only( one that works/runs' },
}

/** Rule 8: what is left for later says why. */
export const laterHasReason: Rule = {
  holds: 'what is left for later says why in the same line',
  breaches: (tree) =>
    [...tree.sources.values()].flatMap(({ path, text, comments, lineOf }) =>
      comments
        .map(({ start, end }) => ({ line: lineOf(start), says: text.slice(start, end) }))
        .filter(({ says }) => /\bTODO\b/.test(says) && !/\bTODO\b[:(] *\S.{14,}/.test(says))
        .map(({ line }) => `${path}:${line} leaves something for later without a reason`),
    ),
  wrong: {
    'there is no reason': { 'store/src/a.ts': '// TODO' },
    'the reason is too short to be one': { 'store/src/a.ts': '/* TODO: later */' },
  },
  right: {
    'store/src/a.ts': "// TODO: drop when Node 22 is out of support, it lacks setReturnArrays\nconst a = 'TODO'",
  },
}

/** Whether a docstring ends right above, with at most ordinary comments between. */
function isExplained({ text, comments }: SourceFile, { start }: { readonly start: number }): boolean {
  let upTo = start
  for (const comment of comments.filter(({ end }) => end <= start).reverse()) {
    if (text.slice(comment.end, upTo).trim() !== '') return false
    if (comment.isDocstring) return true
    upTo = comment.start
  }
  return false
}
