import { type Engine, type EventStore, fileKeys, InvalidArgument, type KeyStore, memory, openStore } from 'varve'
import type { DynamoDBMaintenance } from 'varve/dynamodb'
import type { PostgresLayout, PostgresMaintenance, PostgresPart } from 'varve/postgres'
import { withoutPassword } from './store-url.ts'

// Each engine is imported when a URL names it: a command that is done in a moment does not wait for all of them.

/** Looks after what a store lies in: a schema of a database, or a table. */
export type StoreMaintenance = Pick<PostgresMaintenance, keyof DynamoDBMaintenance>

/** Looks after the schema of a store that lies in a database. */
export type SchemaMaintenance = PostgresMaintenance

/** How the events of such a store lie. */
export type StoreLayout = PostgresLayout

/** One part of its log. */
export type StorePart = PostgresPart

/** Whether a store is made where there is none, or only one that is there is opened. */
export type Purpose = 'existing' | 'create'

/** Those that the official client takes. */
const kurrentScheme = /^(?:kurrentdb|kurrent|kdb|esdb)(?:\+discover)?$/

const known =
  'sqlite:shop.db (a file), postgres://user@host/database (a PostgreSQL), dynamodb://table?region=eu-west-1 (a DynamoDB), ' +
  'kurrentdb://user@host (a KurrentDB), memory: (gone on exit), http://host:2113 or https://host (a Varve server)'

/**
 * Opens the engine that a store URL names: `sqlite:shop.db`, `sqlite:/var/lib/shop.db`, `memory:`, `memory:?logShards=4`,
 * `postgres://user@host/database?schema=varve&prepare=true&listen=true` or `kurrentdb://user@host?namespace=shop`, whose other
 * parameters are the driver's, or `dynamodb://table?region=eu-west-1&endpoint=http://127.0.0.1:8000&logShards=4`.
 *
 * @throws INVALID_ARGUMENT for a URL that names no engine, and what the engine says about its storage.
 */
export async function openEngine(url: string, purpose: Purpose = 'create'): Promise<Engine> {
  const { scheme, rest } = partsOf(url)
  if (kurrentScheme.test(scheme)) {
    const { kurrentdb } = await import('varve/kurrentdb')
    return kurrentdb(kurrentFrom(url))
  }
  switch (scheme) {
    case 'memory':
      return memory(memoryFrom(url, rest))
    case 'sqlite': {
      const { sqlite } = await import('varve/sqlite')
      return sqlite({ path: pathFrom(url, rest) })
    }
    case 'postgres':
    case 'postgresql': {
      const { postgres } = await import('varve/postgres')
      const { switches, ...place } = databaseFrom(url)
      return postgres({ ...place, ...switches, migrate: purpose === 'create' ? 'up' : 'refuse' })
    }
    case 'dynamodb': {
      const { dynamodb } = await import('varve/dynamodb')
      return dynamodb({ ...tableFrom(url), migrate: purpose === 'create' ? 'up' : 'refuse' })
    }
    case 'http':
    case 'https':
      throw new InvalidArgument('store', `is ${quoted(url)}, a server; a server needs storage of its own: ${known}`)
    default:
      throw unknownStore(url)
  }
}

function memoryFrom(url: string, rest: string): { readonly logShards?: number } {
  if (rest === '') return {}
  const [, count] = /^\?logShards=(\d{1,3})$/.exec(rest) ?? []
  if (count === undefined) {
    throw new InvalidArgument('store', `is ${quoted(url)}: memory: takes nothing after the colon but ?logShards=4`)
  }
  return { logShards: Number(count) }
}

/**
 * Opens the event store that a store URL names: embedded over an engine, or a Varve server's over HTTP.
 *
 * @param token what to log in to a server with, where its URL has no user and password.
 * @throws INVALID_ARGUMENT for a URL that names no store, and what the engine says about its storage.
 */
export async function openStoreAt(url: string, purpose: Purpose = 'create', token?: string): Promise<EventStore> {
  if (!isServer(url)) return openStore({ engine: await openEngine(url, purpose) })
  const { connect } = await import('varve/remote')
  const { url: place, authorization } = authorizationFor(url, token)
  return connect({ url: place, ...(authorization !== undefined && { headers: { authorization } }) })
}

/** Whether a store URL names a Varve server. */
export function isServer(url: string): boolean {
  return ['http', 'https'].includes(partsOf(url).scheme)
}

/** A server's URL without the user and the password in it, and the header that says them, or a token. */
export function authorizationFor(
  url: string,
  token: string | undefined,
): { readonly url: string; readonly authorization: string | undefined } {
  const parsed = URL.canParse(url) ? new URL(url) : undefined
  if (parsed === undefined || (parsed.username === '' && parsed.password === '')) {
    return { url, authorization: token === undefined ? undefined : `Bearer ${token}` }
  }
  const [user, password] = [parsed.username, parsed.password].map(decoded)
  parsed.username = ''
  parsed.password = ''
  const authorization = `Basic ${Buffer.from(`${user}:${password}`).toString('base64')}`
  return { url: parsed.href, authorization }
}

/** As it is where it is not percent-encoded. */
function decoded(text: string): string {
  try {
    return decodeURIComponent(text)
  } catch {
    return text
  }
}

/**
 * What looks after the schema or the table of the store that a URL names; undefined when the store has none that anybody has
 * to look after. Connects when it is first used.
 *
 * @throws INVALID_ARGUMENT for a URL that names no store.
 */
export async function openMaintenance(url: string): Promise<StoreMaintenance | undefined> {
  if (partsOf(url).scheme !== 'dynamodb') return openSchemaMaintenance(url)
  const { dynamodbMaintenance } = await import('varve/dynamodb')
  return dynamodbMaintenance(tableFrom(url))
}

/**
 * What looks after the schema of the store that a URL names; undefined when the store lies in no schema of a database.
 * Connects when it is first used.
 *
 * @throws INVALID_ARGUMENT for a URL that names no store.
 */
export async function openSchemaMaintenance(url: string): Promise<SchemaMaintenance | undefined> {
  const { scheme } = partsOf(url)
  if (scheme === 'postgres' || scheme === 'postgresql') {
    const { postgresMaintenance } = await import('varve/postgres')
    const { switches: _, ...place } = databaseFrom(url)
    return postgresMaintenance(place)
  }
  if (kurrentScheme.test(scheme) || ['memory', 'sqlite', 'dynamodb', 'http', 'https'].includes(scheme)) return undefined
  throw unknownStore(url)
}

/** The schema of the database that a URL of a store names. */
export function schemaOf(url: string): string {
  return databaseFrom(url).schema ?? 'varve'
}

/**
 * Opens the key store at a place: a directory, or a PostgreSQL as a store URL names it, whose `schema` is that of the keys.
 * None is made where there is none.
 *
 * @throws INVALID_ARGUMENT for a URL that names no database.
 */
export async function openKeys(place: string): Promise<KeyStore> {
  if (!/^postgres(?:ql)?:/i.test(place)) return fileKeys({ directory: place })
  const { postgresKeys } = await import('varve/postgres')
  const { switches: _, ...database } = databaseFrom(place)
  return postgresKeys({ ...database, migrate: 'refuse' })
}

function partsOf(url: string): { readonly scheme: string; readonly rest: string } {
  const [, scheme, rest] = /^([a-z][a-z0-9+.-]*):(.*)$/is.exec(url) ?? []
  if (scheme === undefined || rest === undefined) throw unknownStore(url)
  return { scheme: scheme.toLowerCase(), rest }
}

function pathFrom(url: string, rest: string): string {
  if (rest === '') throw new InvalidArgument('store', `is ${quoted(url)}, without a file: write sqlite:shop.db`)
  // As a URL this would name a host, as a path a file in the root folder; neither is meant.
  if (/^\/\/[^/]/.test(rest)) {
    const path = rest.slice(2)
    throw new InvalidArgument('store', `is ${quoted(url)}: write sqlite:${path} for a file here, or sqlite:/${path}`)
  }
  return rest
}

/** Where a table is, and with how many log shards its store was made. */
interface TablePlace {
  readonly table: string
  readonly region?: string
  readonly endpoint?: string
  readonly logShards?: number
}

/** Where a table is: `dynamodb://table`, with a region and an endpoint where the AWS SDK is not to find them itself. */
function tableFrom(url: string): TablePlace {
  const [, table, query = ''] = /^dynamodb:\/\/([^/?#]+)\/?(?:\?([^#]*))?$/i.exec(url) ?? []
  const given = new URLSearchParams(query)
  const unknown = [...given.keys()].find((name) => !['region', 'endpoint', 'logShards'].includes(name))
  const shards = given.get('logShards')
  if (table === undefined || unknown !== undefined || new Set(given.keys()).size < given.size) {
    const hint =
      'write dynamodb://table?region=eu-west-1, &endpoint=http://127.0.0.1:8000 for a server of your own, and &logShards=4 ' +
      'for a log in as many shards'
    throw new InvalidArgument('store', `is ${quoted(url)}, which names no table of DynamoDB: ${hint}`)
  }
  const [region, endpoint] = [given.get('region'), given.get('endpoint')]
  if (shards !== null && !/^\d{1,3}$/.test(shards)) {
    throw new InvalidArgument('store', `is ${quoted(url)}, in which logShards is no number`)
  }
  return {
    table,
    ...(region !== null && { region }),
    ...(endpoint !== null && { endpoint }),
    ...(shards !== null && { logShards: Number(shards) }),
  }
}

/** Where a database is, for the driver; and what the URL says to Varve, which the driver does not get to see. */
interface DatabasePlace {
  readonly url: string
  readonly schema?: string
  readonly switches: { readonly prepare?: boolean; readonly listen?: boolean }
}

function databaseFrom(url: string): DatabasePlace {
  refuseUnreadable(url)
  const [place = '', query = ''] = url.split(/\?(.*)/s)
  const own = /^(?:schema|prepare|listen)(?:=|$)/
  const parts = query.split('&').filter((part) => part !== '')
  const [ours, drivers] = [parts.filter((part) => own.test(part)), parts.filter((part) => !own.test(part))]
  const given = new Map(new URLSearchParams(ours.join('&')))
  if (given.size < ours.length) {
    throw new InvalidArgument('store', `is ${quoted(url)}, which says schema, prepare or listen twice`)
  }
  const schema = given.get('schema')
  const [prepare, listen] = [switchFrom(url, given, 'prepare'), switchFrom(url, given, 'listen')]
  return {
    url: drivers.length === 0 ? place : `${place}?${drivers.join('&')}`,
    ...(schema !== undefined && { schema }),
    switches: { ...(prepare !== undefined && { prepare }), ...(listen !== undefined && { listen }) },
  }
}

function switchFrom(url: string, given: ReadonlyMap<string, string>, name: string): boolean | undefined {
  const value = given.get(name)
  if (value === undefined || value === 'true') return value === 'true' ? true : undefined
  if (value === 'false') return false
  throw new InvalidArgument('store', `is ${quoted(url)}, in which ${name} is neither true nor false`)
}

/** The connection string of the official client, which would refuse to be told a namespace. */
function kurrentFrom(url: string): { readonly url: string; readonly namespace?: string } {
  const [place = '', query = ''] = url.split(/\?(.*)/s)
  const parts = query.split('&').filter((part) => part !== '')
  const [own, drivers] = [parts.filter((part) => isNamespace(part)), parts.filter((part) => !isNamespace(part))]
  if (own.length > 1) throw new InvalidArgument('store', `is ${quoted(url)}, which says namespace twice`)
  const namespace = new URLSearchParams(own[0]).get('namespace')
  return {
    url: drivers.length === 0 ? place : `${place}?${drivers.join('&')}`,
    ...(namespace !== null && { namespace }),
  }
}

function isNamespace(part: string): boolean {
  return /^namespace(?:=|$)/.test(part)
}

/** The driver takes more than URLs, and says less when it cannot read one. A host may be missing, as with a socket. */
function refuseUnreadable(url: string): void {
  const readable = url.replace('@/', '@socket/')
  try {
    const { username, password } = new URL(readable)
    decodeURIComponent(username + password)
    if (/^[a-z]+:\/\//i.test(url)) return
  } catch {
    // Refused below: what new URL throws has the password in it.
  }
  const hint = 'write postgres://user@host:5432/database, and in a password %40 for an @, %2F for a /, %25 for a %'
  throw new InvalidArgument('store', `is ${quoted(url)}, which is no URL of a database: ${hint}`)
}

function unknownStore(url: string): InvalidArgument {
  return new InvalidArgument('store', `is ${quoted(url)}, which names no store; known are ${known}`)
}

function quoted(url: string): string {
  const text = withoutPassword(url)
  return JSON.stringify(text.length > 200 ? `${text.slice(0, 199)}…` : text)
}
