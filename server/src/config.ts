import { InvalidArgument } from 'varve'

/** Everything a server can be told, complete and frozen. */
export interface ServerConfig {
  /** Where the events live, as in `sqlite:shop.db`. Default `sqlite:varve.db`. */
  readonly store: string
  /** The address to listen on. Default `127.0.0.1`. */
  readonly host: string
  /** Default 2113; 0 takes a free one. */
  readonly port: number
  /** The file with the certificate to serve TLS by, PEM, those of its authorities behind it. Default: none, no TLS. */
  readonly cert: string | undefined
  /** The file with the key of {@link ServerConfig.cert}, PEM. */
  readonly key: string | undefined
  /** The password that `admin` gets when there is no user yet. Default: one that is made up. */
  readonly adminPassword: string | undefined
  /** The file that has it, in one line. */
  readonly adminPasswordFile: string | undefined
  /** The password that `ops` gets then. Default: none, and `ops` cannot log in. */
  readonly opsPassword: string | undefined
  /** True: no TLS, and nobody has to log in, wherever the server listens and whoever has users. Default false. */
  readonly insecure: boolean
  /** Names that requests may address the server by. Empty: this machine's own names on loopback, any name elsewhere. */
  readonly allowedHosts: readonly string[]
  /** The largest request body, in bytes. Default 33,554,432: the largest append allowed, in base64, with room. */
  readonly bodyBytes: number
  /** How long a client may take to send a request, in milliseconds. Default 30,000. */
  readonly requestTimeoutMs: number
  /** Connections at the most. Default 2,000. */
  readonly connectionsMax: number
  /** Quiet time after which a subscription is sent a sign of life, in milliseconds. Default 15,000. */
  readonly heartbeatMs: number
  /** How long a shutdown waits for requests under way, in milliseconds. Default 10,000. */
  readonly shutdownTimeoutMs: number
  /**
   * How far behind a read model may be before `/health/ready` names its projection, in milliseconds. Default 60,000.
   */
  readonly projectionLagMs: number
  /** True: not ready while a read model that somebody wants to run is behind or has failed. Default false. */
  readonly readyNeedsProjections: boolean
  /** Projections of KurrentDB that run on this server at a time, each in a thread of its own; 0 for none. Default 32. */
  readonly userProjectionsMax: number
  /** Time that the processor may work for one event in user code, in milliseconds. Default 250. */
  readonly userProjectionEventMs: number
  /** Memory of one user projection, its states included, in MiB. Default 64. */
  readonly userProjectionMemoryMib: number
  /** Events that user code may emit for one event. Default 1,000. */
  readonly userProjectionEmits: number
  /** The largest state or result of a user projection, in bytes. Default 1,000,000. */
  readonly userProjectionStateBytes: number
  /** How long a server that runs a user projection may be silent before another one takes it over. Default 10,000. */
  readonly userProjectionLeaseMs: number
  /** Default `info`; requests that went well are `debug`. */
  readonly logLevel: LogLevel
  /** Default `auto`: for people on a terminal, JSON elsewhere. */
  readonly logFormat: LogFormat
}

/** How much is logged. */
export type LogLevel = (typeof logLevels)[number]

/** What the log looks like. */
export type LogFormat = (typeof logFormats)[number]

/** Settings as they come from a command line or from code: what is absent is looked up in the environment. */
export type ServerFlags = {
  readonly [Name in keyof ServerConfig]?: string | number | boolean | readonly string[] | undefined
}

/** The environment as a process gives it. */
export type Environment = Readonly<Record<string, string | undefined>>

const logLevels = ['trace', 'debug', 'info', 'warn', 'error', 'silent'] as const
const logFormats = ['auto', 'json', 'pretty'] as const

type Read = (given: unknown, says: (problem: string) => InvalidArgument) => unknown

interface Setting {
  readonly flag: string
  readonly variable: string
  readonly read: Read
  readonly default: unknown
}

const settings: { readonly [Name in keyof ServerConfig]: Setting } = {
  store: setting('store', text, 'sqlite:varve.db'),
  host: setting('host', text, '127.0.0.1'),
  port: setting('port', whole(0, 65_535), 2113),
  insecure: setting('insecure', flag, false),
  cert: setting('cert', text, undefined),
  key: setting('key', text, undefined),
  adminPassword: setting('admin-password', text, undefined),
  adminPasswordFile: setting('admin-password-file', text, undefined),
  opsPassword: setting('ops-password', text, undefined),
  allowedHosts: setting('allowed-hosts', names, []),
  bodyBytes: setting('body-bytes', whole(1_024, 1_073_741_824), 33_554_432),
  requestTimeoutMs: setting('request-timeout-ms', whole(100, 3_600_000), 30_000),
  connectionsMax: setting('connections-max', whole(1, 1_000_000), 2_000),
  heartbeatMs: setting('heartbeat-ms', whole(10, 3_600_000), 15_000),
  shutdownTimeoutMs: setting('shutdown-timeout-ms', whole(0, 3_600_000), 10_000),
  projectionLagMs: setting('projection-lag-ms', whole(0, 86_400_000), 60_000),
  readyNeedsProjections: setting('ready-needs-projections', flag, false),
  userProjectionsMax: setting('user-projections-max', whole(0, 1_000), 32),
  userProjectionEventMs: setting('user-projection-event-ms', whole(1, 60_000), 250),
  userProjectionMemoryMib: setting('user-projection-memory-mib', whole(16, 2_048), 64),
  userProjectionEmits: setting('user-projection-emits', whole(1, 4_000), 1_000),
  userProjectionStateBytes: setting('user-projection-state-bytes', whole(1_024, 1_000_000), 1_000_000),
  userProjectionLeaseMs: setting('user-projection-lease-ms', whole(3_000, 600_000), 10_000),
  logLevel: setting('log-level', oneOf(logLevels), 'info'),
  logFormat: setting('log-format', oneOf(logFormats), 'auto'),
}

/** Variables of other commands of `varve`: one environment is often given to all of them. */
const otherVariables: ReadonlySet<string> = new Set([
  'VARVE_BLOBS',
  'VARVE_DEBUG',
  'VARVE_KAFKA_BROKERS',
  'VARVE_KAFKA_PASSWORD',
  'VARVE_TOKEN',
])

/**
 * One frozen configuration from flags, then `VARVE_…` variables, then defaults.
 *
 * @throws INVALID_ARGUMENT naming the flag or variable that is unknown or has a value it cannot have or that does not go
 *   together with another, and for an address beyond this machine without a certificate or `insecure`.
 * @example
 * const config = serverConfig({ store: 'memory:', port: 0 }, process.env)
 */
export function serverConfig(flags: ServerFlags = {}, environment: Environment = {}): ServerConfig {
  refuseUnknown(flags, environment)
  const values = Object.entries(settings).map(([name, of]) => [
    name,
    settingValue(of, flags[name as keyof ServerConfig], environment),
  ])
  const config = Object.fromEntries(values) as ServerConfig
  refuseContradictions(config)
  return Object.freeze(config)
}

function refuseContradictions({ host, insecure, cert, key, adminPassword, adminPasswordFile }: ServerConfig): void {
  if ((cert === undefined) !== (key === undefined)) {
    const [given, missing] = cert === undefined ? ['--key', '--cert'] : ['--cert', '--key']
    throw new InvalidArgument(given, `needs ${missing} beside it: 'varve cert node' makes both files`)
  }
  if (adminPassword !== undefined && adminPasswordFile !== undefined) {
    throw new InvalidArgument('--admin-password-file', 'is given, and VARVE_ADMIN_PASSWORD as well: give one')
  }
  if (insecure && (cert !== undefined || adminPassword !== undefined || adminPasswordFile !== undefined)) {
    throw new InvalidArgument(
      '--insecure',
      'says that there is neither TLS nor a login; leave out the certificate and the password',
    )
  }
  if (isLoopback(host) || insecure || cert !== undefined) return
  throw new InvalidArgument(
    '--host',
    `is ${host}: whoever is on the way to that address could read passwords and events. Give --cert and --key ('varve cert' ` +
      'makes them), listen on 127.0.0.1 behind a proxy, or say --insecure (VARVE_INSECURE=true) if the network is yours.',
  )
}

/** Whether an address or host name can be reached from this machine only. */
export function isLoopback(host: string): boolean {
  const name = host.toLowerCase().replace(/^\[(.*)\]$/, '$1')
  return name === '::1' || name === 'localhost' || name.endsWith('.localhost') || /^127(\.\d{1,3}){3}$/.test(name)
}

function refuseUnknown(flags: ServerFlags, environment: Environment): void {
  for (const name of Object.keys(flags)) {
    if (!(name in settings)) {
      throw new InvalidArgument(name, `is no setting of the server; there are ${Object.keys(settings).join(', ')}`)
    }
  }
  const variables = Object.values(settings).map(({ variable }) => variable)
  for (const name of Object.keys(environment)) {
    if (name.startsWith('VARVE_') && !variables.includes(name) && !otherVariables.has(name)) {
      throw new InvalidArgument(name, `is no variable of the server; there are ${variables.join(', ')}`)
    }
  }
}

function settingValue(
  { flag: name, variable, read, default: otherwise }: Setting,
  given: unknown,
  env: Environment,
): unknown {
  if (given !== undefined) return read(given, (problem) => new InvalidArgument(`--${name}`, problem))
  const set = env[variable]
  if (set === undefined) return otherwise
  return read(set, (problem) => new InvalidArgument(variable, problem))
}

function setting(name: string, read: Read, otherwise: unknown): Setting {
  return { flag: name, variable: `VARVE_${name.replaceAll('-', '_').toUpperCase()}`, read, default: otherwise }
}

function text(given: unknown, says: (problem: string) => InvalidArgument): string {
  if (typeof given !== 'string' || given.trim() === '') throw says('is empty')
  return given
}

function flag(given: unknown, says: (problem: string) => InvalidArgument): boolean {
  if (given === true || given === 'true' || given === '1') return true
  if (given === false || given === 'false' || given === '0') return false
  throw says(`is ${JSON.stringify(given)}: give true or false`)
}

function names(given: unknown, says: (problem: string) => InvalidArgument): readonly string[] {
  const list = typeof given === 'string' ? given.split(',') : given
  if (!Array.isArray(list) || !list.every((name) => typeof name === 'string')) {
    throw says('is no list of host names: separate them by commas')
  }
  return Object.freeze(list.map((name: string) => name.trim().toLowerCase()).filter((name) => name !== ''))
}

function whole(min: number, max: number): Read {
  return (given, says) => {
    const number = typeof given === 'string' && /^\d{1,15}$/.test(given) ? Number(given) : given
    if (typeof number === 'number' && Number.isInteger(number) && number >= min && number <= max) return number
    throw says(`is ${JSON.stringify(given)}: give a whole number from ${min} to ${max}`)
  }
}

function oneOf(allowed: readonly string[]): Read {
  return (given, says) => {
    if (typeof given === 'string' && allowed.includes(given)) return given
    throw says(`is ${JSON.stringify(given)}: give one of ${allowed.join(', ')}`)
  }
}
