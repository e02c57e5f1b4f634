import { parseSync } from 'oxc-parser'

/** A node of the syntax tree; what the rules need of it. */
export interface AstNode {
  readonly type: string
  readonly start: number
  readonly end: number
  readonly [field: string]: unknown
}

/** One place where a file names another module: a static, type-only, re-exporting or dynamic import, or a file URL. */
export interface Import {
  readonly specifier: string
  readonly line: number
  /** Names taken, as the other module calls them; empty for a dynamic import. */
  readonly names: readonly string[]
  /** True when the file is started as a worker or process, which is no import: it may import its starter. */
  readonly isStart: boolean
}

/** A name a file exports by declaring it, with the place where its docstring has to end. */
export interface Declared {
  readonly name: string
  readonly start: number
  readonly line: number
}

/** One parsed TypeScript or JavaScript file. */
export interface SourceFile {
  readonly path: string
  readonly text: string
  readonly program: AstNode
  readonly imports: readonly Import[]
  readonly declared: readonly Declared[]
  /** Lines of `export ... from` and of `export default`. */
  readonly reExports: readonly number[]
  readonly defaultExports: readonly number[]
  readonly comments: readonly { readonly isDocstring: boolean; readonly start: number; readonly end: number }[]
  readonly lineOf: (offset: number) => number
}

/** Parses a file with a real parser, so that no rule is fooled by a comment, a string or a line break. */
export function parseSource(path: string, text: string): SourceFile {
  const parsed = parseSync(path, text, { sourceType: 'module' })
  const [error] = parsed.errors
  if (error !== undefined) throw new SyntaxError(`${path} does not parse: ${error.message}`)
  const program = parsed.program as unknown as AstNode
  const lineOf = lineFinder(text)
  const statements = program.body as readonly AstNode[]
  return {
    path,
    text,
    program,
    lineOf,
    imports: importsOf(program, lineOf),
    declared: statements.flatMap((statement) => declaredIn(statement, lineOf)),
    reExports: statements.filter(isReExport).map(({ start }) => lineOf(start)),
    defaultExports: statements.filter(isDefaultExport).map(({ start }) => lineOf(start)),
    comments: parsed.comments.map(({ type, value, start, end }) => ({
      isDocstring: type === 'Block' && value.startsWith('*') && value.replaceAll(/[\s*]/g, '') !== '',
      start,
      end,
    })),
  }
}

/** Every node of a tree, parents before children. */
export function* nodesIn(node: AstNode): Generator<AstNode> {
  yield node
  for (const value of Object.values(node)) {
    for (const child of Array.isArray(value) ? value : [value]) {
      if (isNode(child)) yield* nodesIn(child)
    }
  }
}

/** A name as written, with the object it is taken from: `Date.now`, `setTimeout`. Undefined for anything else. */
export function dottedName(node: unknown): string | undefined {
  if (!isNode(node)) return undefined
  if (node.type === 'Identifier') return String(node.name)
  if (node.type !== 'MemberExpression' || node.computed === true) return undefined
  const object = dottedName(node.object)
  return object === undefined ? undefined : `${object}.${dottedName(node.property) ?? ''}`
}

/** Whether a value is a node of the tree. */
export function isNode(value: unknown): value is AstNode {
  return typeof value === 'object' && value !== null && 'type' in value && 'start' in value
}

function importsOf(program: AstNode, lineOf: (offset: number) => number): readonly Import[] {
  const found: Import[] = []
  for (const node of nodesIn(program)) {
    const isStart = isFileUrl(node)
    const specifier = textOf(isStart ? (node.arguments as AstNode[])[0] : sourceOf(node))
    if (specifier === undefined) continue
    found.push({ specifier, line: lineOf(node.start), names: importedNames(node), isStart })
  }
  return found
}

const importing = new Set([
  'ImportDeclaration',
  'ExportNamedDeclaration',
  'ExportAllDeclaration',
  'ImportExpression',
  'TSImportType',
])

function sourceOf(node: AstNode): unknown {
  if (node.type === 'TSExternalModuleReference') return node.expression
  return importing.has(node.type) ? node.source : undefined
}

/** `new URL('./worker.ts', import.meta.url)`: how a file starts another one without importing it. */
function isFileUrl(node: AstNode): boolean {
  if (node.type !== 'NewExpression' || dottedName(node.callee) !== 'URL') return false
  const [path, origin] = node.arguments as readonly (AstNode | undefined)[]
  return textOf(path)?.startsWith('.') === true && origin?.type === 'MemberExpression'
}

function textOf(node: unknown): string | undefined {
  return isNode(node) && node.type === 'Literal' && typeof node.value === 'string' ? node.value : undefined
}

function importedNames(node: AstNode): readonly string[] {
  const specifiers = Array.isArray(node.specifiers) ? (node.specifiers as readonly AstNode[]) : []
  return specifiers.flatMap(({ imported, local }) => dottedName(imported ?? local) ?? [])
}

function declaredIn(statement: AstNode, lineOf: (offset: number) => number): readonly Declared[] {
  if (statement.type !== 'ExportNamedDeclaration' || isReExport(statement)) return []
  const { declaration, start } = statement
  const names = isNode(declaration) ? namesOf(declaration) : exportedNames(statement)
  return names.map((name) => ({ name, start, line: lineOf(start) }))
}

function exportedNames({ specifiers }: AstNode): readonly string[] {
  return (specifiers as readonly AstNode[]).map(({ exported }) => dottedName(exported) ?? 'a text')
}

function namesOf(declaration: AstNode): readonly string[] {
  const single = dottedName(declaration.id)
  if (single !== undefined) return [single]
  const declarators = Array.isArray(declaration.declarations) ? (declaration.declarations as readonly AstNode[]) : []
  return declarators.map((declarator) => dottedName(declarator.id) ?? 'a pattern')
}

function isReExport(statement: AstNode): boolean {
  return (
    statement.type === 'ExportAllDeclaration' ||
    (statement.type === 'ExportNamedDeclaration' && isNode(statement.source))
  )
}

function isDefaultExport(statement: AstNode): boolean {
  if (statement.type === 'ExportDefaultDeclaration') return true
  const specifiers = Array.isArray(statement.specifiers) ? (statement.specifiers as readonly AstNode[]) : []
  return specifiers.some(({ type, exported }) => type === 'ExportSpecifier' && dottedName(exported) === 'default')
}

function lineFinder(text: string): (offset: number) => number {
  const starts = [0]
  for (let at = text.indexOf('\n'); at >= 0; at = text.indexOf('\n', at + 1)) starts.push(at + 1)
  return (offset) => {
    let low = 0
    let high = starts.length
    while (high - low > 1) {
      const middle = (low + high) >> 1
      if ((starts[middle] as number) <= offset) low = middle
      else high = middle
    }
    return low + 1
  }
}
