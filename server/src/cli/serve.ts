import type { Command } from 'commander'
import { Option } from 'commander'
import { type ServerConfig, type ServerFlags, serverConfig } from '../config.ts'
import type { RunningServer } from '../server.ts'
import { withoutPassword } from '../store-url.ts'
import type { ExitCode } from './failure.ts'
import { examples } from './help.ts'
import { portNumber, wholeNumber } from './options.ts'
import { type Run, refuseUnfitStore, type Session } from './session.ts'

interface ServeFlags {
  readonly host?: string
  readonly port?: number
  readonly insecure?: boolean
  readonly allowedHosts?: string
  readonly logLevel?: string
  readonly logFormat?: string
  readonly userProjectionsMax?: number
  readonly userProjectionEventMs?: number
  readonly userProjectionMemoryMib?: number
  readonly userProjectionEmits?: number
  readonly userProjectionStateBytes?: number
  readonly userProjectionLeaseMs?: number
}

/** What projections of KurrentDB may use. */
const userProjectionOptions = [
  ['--user-projections-max <count>', 'projections of KurrentDB that run here at a time, 0 for none (default: 32)'],
  ['--user-projection-event-ms <ms>', 'time that user code may take for one event (default: 250)'],
  ['--user-projection-memory-mib <mib>', 'memory of one projection, its states included (default: 64)'],
  ['--user-projection-emits <count>', 'events that may be emitted for one event (default: 1000)'],
  ['--user-projection-state-bytes <bytes>', 'the largest state or result (default: 1000000)'],
  ['--user-projection-lease-ms <ms>', 'silence after which another server takes a projection over (default: 10000)'],
] as const

/** `varve serve`: the store over HTTP, and for clients of KurrentDB. */
export function addServe(program: Command, run: Run): void {
  const command = program
    .command('serve')
    .summary('serve the store over HTTP and to KurrentDB clients until Ctrl-C')
    .description(
      'Serves the store over HTTP, and to clients of KurrentDB by gRPC at the same port, until Ctrl-C. A new store is made when there is none. What is left out is taken from ' +
        'the environment: VARVE_STORE, VARVE_HOST, VARVE_PORT and so on.',
    )
    .option('--port <port>', 'the port to listen on, 0 for any that is free (default: 2113)', portNumber)
    .option('--host <address>', 'the address to listen on (default: 127.0.0.1)')
    .option('--insecure', 'listen beyond this machine although nobody has to log in')
    .option('--allowed-hosts <names>', 'names by which requests may address the server, separated by commas')
    .addOption(new Option('--log-level <level>', 'how much is logged (default: info)').choices(logLevels))
    .addOption(new Option('--log-format <format>', 'what the log looks like (default: auto)').choices(logFormats))
  for (const [option, what] of userProjectionOptions) command.option(option, what, wholeNumber)
  examples(command, [
    ['varve serve --store sqlite:shop.db', 'on http://127.0.0.1:2113'],
    ['varve serve --store memory: --port 0', 'for a test: gone on exit, on a free port'],
  ])
  command.action((flags: ServeFlags) => run(command, (session) => serve(session, flags)))
}

const logLevels = ['trace', 'debug', 'info', 'warn', 'error', 'silent']
const logFormats = ['auto', 'json', 'pretty']

async function serve(session: Session, flags: ServeFlags): Promise<ExitCode | undefined> {
  const { signal } = session
  const config = configOf(session, flags)
  refuseUnfitStore(config.store, 'create')
  // Loaded only here: the other commands are done before the web framework would be read.
  const { startServer } = await import('../server.ts')
  const server = await startServer(config)
  try {
    await announce(session, server, config)
    await ended(signal)
    return undefined
  } finally {
    await server.close()
  }
}

function configOf({ storeUrl }: Session, flags: ServeFlags): ServerConfig {
  const given: ServerFlags = { ...flags, store: storeUrl }
  return serverConfig(given, process.env)
}

/** The one result of this command: where to look. The server's own log goes elsewhere. */
async function announce({ terminal, json }: Session, { url }: RunningServer, config: ServerConfig): Promise<void> {
  const store = withoutPassword(config.store)
  const kurrentdb = `kurrentdb://${new URL(url).host}?tls=false`
  const lines = [
    `Varve serves ${store} at ${terminal.styled('bold', url)}`,
    `  append  curl -X POST ${url}/streams/Order-1/events -H 'content-type: application/json' -d '{"events":[{"event_type":"OrderPlaced","data":{}}]}'`,
    `  read    curl ${url}/events`,
    `  watch   varve tail --store ${url}`,
    `  API     ${url}/openapi.json`,
    `  KurrentDB clients connect to ${kurrentdb}`,
    'Ctrl-C ends it.',
  ]
  if (json) await terminal.print(JSON.stringify({ url, store, kurrentdb }))
  else if (terminal.isRead) for (const line of lines) await terminal.print(line)
  else await terminal.print(`${url}\t${store}`)
  await terminal.flush()
}

function ended(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve()
    signal.addEventListener('abort', () => resolve(), { once: true })
  })
}
