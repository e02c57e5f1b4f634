import { Command, CommanderError, Option } from 'commander'
import { addAppend } from './append.ts'
import { addArchive } from './archive.ts'
import { addBlobs } from './blobs.ts'
import { addCert } from './cert.ts'
import { addCloseStream } from './close-stream.ts'
import { addDoctor } from './doctor.ts'
import { addExport } from './export.ts'
import { CliFailure, type ExitCode, exitCodes } from './failure.ts'
import { addForget } from './forget.ts'
import { addGroups } from './groups.ts'
import { addHead } from './head.ts'
import { addImport } from './import.ts'
import { addMetadata } from './metadata.ts'
import { addMigrate } from './migrate.ts'
import { addProjections } from './projections.ts'
import { addRead } from './read.ts'
import { addRelay } from './relay.ts'
import { addSchema } from './schema.ts'
import { addServe } from './serve.ts'
import { defaultStoreUrl, type Run, type Session } from './session.ts'
import { addStreams } from './streams.ts'
import { addTail } from './tail.ts'
import type { Terminal } from './terminal.ts'
import { addTokens } from './tokens.ts'
import { addTrace } from './trace.ts'
import { addUsers } from './users.ts'

/** What a run of the command line is given. */
export interface ProgramPort {
  readonly version: string
  readonly terminal: Terminal
  readonly signal: AbortSignal
  readonly onHangup: Session['onHangup']
}

/**
 * Runs a command line and tells how to exit.
 *
 * @throws whatever the command was refused with; a wrong command line is a CliFailure.
 */
export async function runProgram(port: ProgramPort, words: readonly string[]): Promise<ExitCode> {
  let exitCode: ExitCode = exitCodes.done
  const run: Run = async (command, work) => {
    exitCode = (await work(sessionOf(port, command))) ?? exitCodes.done
  }
  const program = createProgram(port, run)
  try {
    if (words.length === 0) program.outputHelp()
    else await program.parseAsync(words, { from: 'user' })
    return exitCode
  } catch (error) {
    if (!(error instanceof CommanderError)) throw error
    if (error.exitCode === 0) return exitCodes.done
    throw new CliFailure(usageProblem(error, program, words), exitCodes.usage)
  }
}

function createProgram({ version, terminal }: ProgramPort, run: Run): Command {
  const program = new Command('varve')
    .description('Varve, the event store for TypeScript: append, read and watch events, and serve them.')
    .version(version, '-V, --version', 'print the version')
    .helpOption('-h, --help', 'show help')
    .helpCommand('help [command]', 'show help of a command')
    .configureHelp({ showGlobalOptions: true })
    // Problems are thrown and printed by the caller, in one line like all others.
    .configureOutput({
      writeOut: (text) => void terminal.print(text.trimEnd()).catch(() => undefined),
      writeErr: () => undefined,
    })
    .exitOverride()
    .addOption(storeOption())
    .option('--json', 'print JSON lines, whoever reads')
    .option('--verbose', 'with an error, show where it came from (or VARVE_DEBUG=1)')
    .addHelpText('after', afterHelp)
  const additions = [
    addServe,
    addAppend,
    addRead,
    addTail,
    addStreams,
    addHead,
    addTrace,
    addMetadata,
    addCloseStream,
    addForget,
    addExport,
    addImport,
    addMigrate,
    addArchive,
    addSchema,
    addBlobs,
    addProjections,
    addGroups,
    addRelay,
    addUsers,
    addTokens,
    addCert,
  ]
  for (const add of additions) add(program, run)
  addDoctor(program, run, version)
  return program
}

function storeOption(): Option {
  return new Option(
    '--store <url>',
    'sqlite:shop.db, postgres://user@host/database, dynamodb://table, kurrentdb://host, memory: or http://host:2113',
  )
    .env('VARVE_STORE')
    .default(defaultStoreUrl)
}

const afterHelp = `
Exit codes:
  0  done
  1  refused or failed
  2  the command line or a value on it is wrong; nothing was sent
  3  conflict: the store has moved on; nothing was written
  4  the store is out of reach or busy; the same command may succeed later
  5  a file or the store is damaged

Examples:
  varve serve --store sqlite:shop.db
  varve append Order-7 OrderPlaced '{"total_cents":1200}' --store sqlite:shop.db
  varve tail --store http://127.0.0.1:2113`

function sessionOf({ terminal, signal, onHangup }: ProgramPort, command: Command): Session {
  const { store, json } = command.optsWithGlobals<{ readonly store: string; readonly json?: boolean }>()
  return { storeUrl: store, terminal, json: json === true, signal, onHangup }
}

/** What was wrong, and where the right way is written. */
function usageProblem({ code, message }: CommanderError, program: Command, words: readonly string[]): string {
  const meant = commandsIn(program, words)
  const name = meant.map((command) => command.name()).join(' ')
  const help = `See '${name} --help'.`
  if (code === 'commander.help') {
    const inner = meant.at(-1)?.commands.map((command) => command.name())
    return `'${name}' needs one of its commands: ${inner?.join(', ')}. ${help}`
  }
  const problem = message.replace(/^error: /, '').replaceAll(/\s*\n\s*/g, ' ')
  const sentence = /[.!?)]$/.test(problem) ? problem : `${problem}.`
  return `${sentence.charAt(0).toUpperCase()}${sentence.slice(1)} ${help}`
}

/** The program and the commands in it that the words name, as in `groups create mailer`. */
function commandsIn(program: Command, words: readonly string[]): readonly Command[] {
  const found = [program]
  for (const word of words) {
    const inner = found.at(-1)?.commands.find((command) => command.name() === word)
    if (inner !== undefined) found.push(inner)
  }
  return found
}
