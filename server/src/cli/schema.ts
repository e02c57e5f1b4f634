import { readFile, rename, writeFile } from 'node:fs/promises'
import type { Command } from 'commander'
import {
  checkSchemas,
  isVarveError,
  lockSchemas,
  type SchemaFinding,
  type SchemaLock,
  schemaLockFrom,
  schemaLockText,
} from 'varve'
import { loadDefinitions } from './definitions.ts'
import { CliFailure, type ExitCode, exitCodes, isSystemError } from './failure.ts'
import { examples } from './help.ts'
import { gathered } from './options.ts'
import type { Run, Session } from './session.ts'
import { printResult, tabbed } from './show.ts'
import { visible } from './visible.ts'

interface SchemaFlags {
  readonly file: string
  readonly export?: readonly string[]
  readonly strict?: boolean
}

/** `varve schema`: whether events that are stored will be read by what is about to be released. */
export function addSchema(program: Command, run: Run): void {
  const command = program
    .command('schema')
    .summary('keep event schemas compatible with what is stored')
    .description(
      'Writes down what every schema version of every event type looks like, and refuses a change that stored events ' +
        'would not survive. Reads a module that exports what defineEvents returns; needs no store.',
    )
  addVerb(command, 'lock', "write today's schemas into the lock file", run, lock)
  addVerb(command, 'check', 'compare the schemas with the lock file; for CI', run, check).option(
    '--strict',
    'refuse what is not compared as well: checks in code, payloads that only the compiler knows',
  )
}

function addVerb(
  parent: Command,
  name: 'lock' | 'check',
  summary: string,
  run: Run,
  verb: (session: Session, module: string, flags: SchemaFlags) => Promise<ExitCode | undefined>,
): Command {
  const command = parent
    .command(name)
    .summary(summary)
    .description(
      name === 'lock'
        ? "Writes the JSON Schema of today's version of every event type into the lock file, beside the versions of the past. Commit the file."
        : 'Compares the definitions with the lock file and explains each refusal. Exit code: 0 when everything stored can still be read, 1 when not.',
    )
    .argument('<module>', 'a module that exports event definitions, as in src/events.ts')
    .option('--file <path>', 'the lock file', 'varve.schema.json')
    .option('--export <name>', 'only what the module exports under this name; repeat for several', gathered)
  examples(command, [[`varve schema ${name} src/events.ts`, summary]])
  command.action((module: string, flags: SchemaFlags) => run(command, (session) => verb(session, module, flags)))
  return command
}

async function lock(session: Session, module: string, { file, export: names = [] }: SchemaFlags): Promise<undefined> {
  const { events, toJsonSchema } = await loadDefinitions(module, names, session.signal)
  const before = await lockAt(file)
  const after = withAdvice(() => lockSchemas(events, before, toJsonSchema))
  const findings = before === undefined ? [] : checkSchemas(events, before, toJsonSchema)
  // A new version may do without a mark, but nobody shall learn of it from what is stored.
  for (const { eventType, schemaVersion, path, says } of findings.filter(({ kind }) => kind === 'personal_removed')) {
    session.terminal.note(`${visible(eventType)} version ${schemaVersion} ${visible(path)}: ${visible(says)}.`)
  }
  const text = schemaLockText(after)
  const isChanged = before === undefined || schemaLockText(before) !== text
  if (isChanged) await replace(file, text)
  const [types, versions] = [Object.keys(after.events).length, countOf(after)]
  const added = versions - (before === undefined ? 0 : countOf(before))
  const says = `${visible(file)}: ${types} event types in ${versions} versions, ${added} of them new${isChanged ? '' : '; nothing changed'}.`
  await printResult(session, { file, types, versions, added, changed: isChanged }, says, [file, types, versions, added])
  return undefined
}

async function check(
  session: Session,
  module: string,
  { file, export: names = [], strict = false }: SchemaFlags,
): Promise<ExitCode | undefined> {
  const { events, toJsonSchema } = await loadDefinitions(module, names, session.signal)
  const locked = await lockAt(file)
  if (locked === undefined) {
    throw new CliFailure(`There is no lock at ${file}. Make one with 'varve schema lock ${module}' and commit it.`)
  }
  const findings = checkSchemas(events, locked, toJsonSchema).map((one) =>
    strict ? { ...one, severity: 'refused' as const } : one,
  )
  for (const finding of findings) await printFinding(session, finding)
  const refused = findings.filter(({ severity }) => severity === 'refused').length
  const { terminal } = session
  if (refused > 0)
    terminal.note(
      `${refused} refused: events would not be read as they were stored, or not be stored as the lock says.`,
    )
  else terminal.note(`${Object.keys(events).length} event types are compatible with ${file}.`)
  return refused > 0 ? exitCodes.failed : exitCodes.done
}

async function printFinding({ terminal, json }: Session, finding: SchemaFinding): Promise<void> {
  const { kind, severity, eventType, schemaVersion, path, says, advice } = finding
  if (json) {
    const line = { kind, severity, event_type: eventType, schema_version: schemaVersion, path, says, advice }
    return terminal.print(JSON.stringify(line))
  }
  if (!terminal.isRead) return terminal.print(tabbed([severity, kind, eventType, schemaVersion, path, says, advice]))
  const look = severity === 'refused' ? 'red' : 'yellow'
  const place = `${visible(eventType)} version ${schemaVersion}${path === '$' ? '' : ` ${visible(path)}`}`
  return terminal.print(
    `${terminal.styled(look, severity)}  ${terminal.styled('bold', place)}  ${visible(says)}\n         ${visible(advice)}`,
  )
}

async function lockAt(file: string): Promise<SchemaLock | undefined> {
  try {
    return schemaLockFrom(await readFile(file, 'utf8'))
  } catch (error) {
    if (isSystemError(error) && error.code === 'ENOENT') return undefined
    if (isVarveError(error))
      throw new CliFailure(`${file}: ${error.message}. Restore it from your repository.`, exitCodes.damaged, {
        cause: error,
      })
    throw error
  }
}

/** Whole or not at all: a lock that is cut off would pass for damage. */
async function replace(file: string, text: string): Promise<void> {
  const temporary = `${file}.tmp`
  try {
    await writeFile(temporary, text)
  } catch (error) {
    if (!isSystemError(error) || error.code !== 'ENOENT') throw error
    throw new CliFailure(`There is no folder for ${file}. Make it first.`, exitCodes.usage, { cause: error })
  }
  await rename(temporary, file)
}

function withAdvice<Result>(run: () => Result): Result {
  try {
    return run()
  } catch (error) {
    if (!isVarveError(error, 'INVALID_ARGUMENT')) throw error
    throw new CliFailure(`${error.message} 'varve schema check' lists everything.`, exitCodes.failed, { cause: error })
  }
}

function countOf({ events }: SchemaLock): number {
  return Object.values(events).reduce((sum, versions) => sum + Object.keys(versions).length, 0)
}
