import type { Command } from 'commander'
import { Option } from 'commander'
import { type ServerConfig, type ServerFlags, serverConfig } from '../config.ts'
import type { RunningServer } from '../server.ts'
import { withoutPassword } from '../store-url.ts'
import { describeFailure, type ExitCode } from './failure.ts'
import { examples } from './help.ts'
import { portNumber, wholeNumber } from './options.ts'
import { type Run, refuseUnfitStore, type Session } from './session.ts'

interface ServeFlags {
  readonly host?: string
  readonly port?: number
  readonly insecure?: boolean
  readonly cert?: string
  readonly key?: string
  readonly adminPasswordFile?: string
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
    .option('--cert <file>', "serve TLS with this certificate (PEM), and ask for a login; 'varve cert' makes one")
    .option('--key <file>', 'the key of the certificate (PEM)')
    .option(
      '--admin-password-file <file>',
      'ask for a login; admin gets the password in this file when there is no user yet',
    )
    .option('--insecure', 'no TLS and no login, wherever it listens and whoever has users')
    .option('--allowed-hosts <names>', 'names by which requests may address the server, separated by commas')
    .addOption(new Option('--log-level <level>', 'how much is logged (default: info)').choices(logLevels))
    .addOption(new Option('--log-format <format>', 'what the log looks like (default: auto)').choices(logFormats))
  for (const [option, what] of userProjectionOptions) command.option(option, what, wholeNumber)
  examples(command, [
    ['varve serve --store sqlite:shop.db', 'on http://127.0.0.1:2113'],
    ['varve serve --store memory: --port 0', 'for a test: gone on exit, on a free port'],
    ['varve serve --cert node/node.crt --key node/node.key --host 0.0.0.0', 'for others, by TLS and with logins'],
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
  // Without a certificate there is nothing to read again, and a terminal that is closed ends its server.
  const stop = config.cert === undefined ? () => undefined : session.onHangup(() => reload(session, server))
  try {
    await announce(session, server, config)
    await ended(signal)
    return undefined
  } finally {
    stop()
    await server.close()
  }
}

function configOf({ storeUrl }: Session, flags: ServeFlags): ServerConfig {
  return serverConfig({ ...(flags as ServerFlags), store: storeUrl }, process.env)
}

/** The one result of this command: where to look. The server's own log goes elsewhere. */
async function announce(session: Session, server: RunningServer, config: ServerConfig): Promise<void> {
  const { terminal, json } = session
  const { url } = server
  const store = withoutPassword(config.store)
  const user = server.asksForLogin ? 'admin:<password>@' : ''
  const kurrentdb = `kurrentdb://${user}${new URL(url).host}?tls=${url.startsWith('https:')}`
  const lines = [
    `Varve serves ${store} at ${terminal.styled('bold', url)}`,
    `  append  curl -X POST ${url}/streams/Order-1/events -H 'content-type: application/json' -d '{"events":[{"event_type":"OrderPlaced","data":{}}]}'`,
    `  read    curl ${url}/events`,
    `  watch   varve tail --store ${url}`,
    `  API     ${url}/openapi.json`,
    `  KurrentDB clients connect to ${kurrentdb}`,
    ...aboutLogins(server, config),
    'Ctrl-C ends it.',
  ]
  if (json) await terminal.print(JSON.stringify({ url, store, kurrentdb }))
  else if (terminal.isRead) for (const line of lines) await terminal.print(line)
  else await terminal.print(`${url}\t${store}`)
  await terminal.flush()
  // On standard error: what reads the one result of this command is no place for a secret.
  if (server.firstPassword !== undefined) {
    terminal.note(
      `The password of admin is ${server.firstPassword}. It is shown this once; 'varve users password admin' makes another one.`,
    )
  }
  if (config.insecure)
    terminal.note('INSECURE: no TLS, and nobody has to log in. Whoever reaches this address may do everything.')
}

function aboutLogins({ asksForLogin }: RunningServer, { insecure }: ServerConfig): readonly string[] {
  if (asksForLogin) return ['  Requests have to say who sends them: Basic credentials or a Bearer token.']
  if (insecure) return []
  return [
    '  For development: nobody has to log in, and only this machine is listened to.',
    "  For others to use it see 'varve cert --help' and 'varve users --help'.",
  ]
}

function reload({ terminal }: Session, server: RunningServer): void {
  try {
    server.reloadCertificate()
  } catch (error) {
    terminal.note(`varve: ${describeFailure(error).line} The certificate stays as it was.`)
  }
}

function ended(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve()
    signal.addEventListener('abort', () => resolve(), { once: true })
  })
}
