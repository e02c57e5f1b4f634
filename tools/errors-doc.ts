/** Writes docs/errors.md from the docstrings and codes of the errors in store/src/model. */
import { readFileSync, writeFileSync } from 'node:fs'
import { pathToFileURL } from 'node:url'

const sources = [
  'errors.ts',
  'event-errors.ts',
  'shelf-errors.ts',
  'blob-errors.ts',
  'erasure-errors.ts',
  'projection-errors.ts',
  'target-errors.ts',
  'relay-errors.ts',
  'group-errors.ts',
].map((name) => new URL(`../store/src/model/${name}`, import.meta.url))
const target = new URL('../docs/errors.md', import.meta.url)

interface ErrorEntry {
  readonly name: string
  readonly code: string
  readonly retryable: boolean
  readonly meaning: string
  readonly fields: readonly string[]
}

/** The page as it should be. */
export function errorsPage(): string {
  const entries = sources
    .flatMap((source) => entriesIn(readFileSync(source, 'utf8')))
    .sort((a, b) => (a.code < b.code ? -1 : 1))
  const rows = entries.map(
    ({ code, name, meaning, retryable, fields }) =>
      `| \`${code}\` | \`${name}\` | ${meaning} | ${retryable ? 'yes' : 'no'} | ${fields.map((field) => `\`${field}\``).join(', ')} |`,
  )
  return [
    '# Errors',
    '',
    '<!-- Written by tools/errors-doc.ts from the errors in store/src/model: edit the docstrings there. -->',
    '',
    'Every error carries a stable `code`, a `message` that says what to do next, `retryable`, and its facts as fields.',
    'Compare codes with `isVarveError(error, code)`: it holds across two copies of the package, where `instanceof` fails.',
    "A caller's mistake (`INVALID_ARGUMENT`, a `TypeError`; `LIMIT_EXCEEDED`, a `RangeError`) is thrown before any I/O.",
    '`retryable` means that the same call may succeed later, unchanged or after a fresh read.',
    '',
    '| code | class | meaning | retryable | fields |',
    '|---|---|---|---|---|',
    ...rows,
    '',
  ].join('\n')
}

function entriesIn(text: string): ErrorEntry[] {
  const classes = text.matchAll(/\/\*\* ([^/]*?) \*\/\nexport class (\w+) extends[^{]+\{\n([\s\S]*?)\n {2}constructor/g)
  return [...classes].map(([, doc = '', name = '', body = '']) => ({
    name,
    code: /code = '(\w+)'/.exec(body)?.[1] ?? '',
    retryable: /retryable = true/.test(body),
    meaning: doc
      .replace(/\s*\n \*\s*/g, ' ')
      .replace(/\{@link (\w+)\}/g, '`$1`')
      .trim(),
    fields: [...body.matchAll(/^ {2}readonly (\w+):/gm)].map(([, field = '']) => field),
  }))
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) writeFileSync(target, errorsPage())
