import type { KurrentDBClient } from '@kurrent/kurrentdb-client'
import { afterEach } from 'vitest'
import { type ServerFlags, serverConfig } from '../../server/src/config.ts'
import { type RunningServer, startServer } from '../../server/src/server.ts'
import type { Certificates } from '../security/certificates.ts'
import { basic, quickPasswords, send } from '../security/requests.ts'
import { ownCertificates } from './own-certificates.ts'
import { embedded, type MakePlace } from './places.ts'
import { quickConnection } from './quick-connection.ts'

/**
 * Sets the stage for what official clients are specified to meet. Each client has test files of its own, since two of them
 * in one process overwrite each other's messages: such a file first chooses the client, the stores and the ways to reach
 * them, then imports the specifications.
 *
 * With `VARVE_EVERY_CLIENT=1` what a file chooses does not count: every specification runs with its client on every store and
 * in every way. That takes a quarter of an hour; otherwise each is run where it may most likely fail.
 */
export const isEvery: boolean = process.env.VARVE_EVERY_CLIENT === '1'

/** A server and an official client that is connected to it, as `admin` where there are logins. */
export interface Served {
  readonly client: KurrentDBClient
  readonly server: RunningServer
  /** Who the client is, for the server: `anonymous` where nobody has to log in. */
  readonly login: string
  /** What the server measures. */
  metrics(): Promise<string>
  /** Another server over the same store, for this client. Not over memory, which servers do not share. */
  serveAgain(): Promise<Served>
  /** Another client of the same kind: what its connection string says behind the scheme and at its end. */
  connect(how: '' | '+discover', options?: string): KurrentDBClient
}

/** Starts a fresh server on an empty store and connects; both end with the test. */
export type Serve = (flags?: ServerFlags) => Promise<Served>

/** Connects a client by a connection string. */
export type Connect = (connectionString: string) => KurrentDBClient

/** How a client reaches its server. */
export type Way = 'in the clear' | 'over TLS with a login'

/** What a test file chooses. */
export interface Stage {
  readonly connect: Connect
  readonly scheme: string
  readonly places: Readonly<Record<string, MakePlace>>
  /** Default: in the clear. */
  readonly ways?: readonly Way[]
}

const everything: Pick<Stage, 'places' | 'ways'> | undefined = isEvery
  ? {
      places: { ...embedded, ...(await import('./postgres-places.ts')).postgresPlaces },
      ways: ['in the clear', 'over TLS with a login'],
    }
  : undefined

let chosen: Stage | undefined

/** Chooses the client, and unless everything is tried, the stores of this test file and the ways to reach them. */
export function setStage(stage: Stage): void {
  chosen = { ...stage, ...everything }
}

/** What this test file has chosen. */
export function chosenStage(): Stage {
  if (chosen === undefined) throw new Error('Choose a client first: import one of the files named with-….')
  return chosen
}

/** Each store that was chosen, and how to serve it. */
export function servedStores(): (readonly [string, Serve])[] {
  return servedOn(Object.entries(chosenStage().places))
}

/** The last of them alone, unless everything is tried: for what takes a thread, or as long, wherever the store lies. */
export function lastServedStores(): (readonly [string, Serve])[] {
  return servedOn(Object.entries(chosenStage().places).slice(isEvery ? 0 : -1))
}

/** Those that several servers can be over. */
export function sharedStores(): (readonly [string, Serve])[] {
  return servedOn(Object.entries(chosenStage().places).filter(([, place]) => place !== embedded.memory))
}

function servedOn(places: readonly (readonly [string, MakePlace])[]): (readonly [string, Serve])[] {
  const stage = chosenStage()
  const { ways = ['in the clear'] } = stage
  return ways.flatMap((way) => {
    const files = way === 'in the clear' ? undefined : ownCertificates()
    const said = way === 'in the clear' ? '' : ` ${way}`
    return places.map(([name, place]) => [`${name}${said}`, serving(stage, place, files)] as const)
  })
}

function serving({ connect, scheme }: Stage, place: MakePlace, files: (() => Certificates) | undefined): Serve {
  const running: (() => unknown)[] = []
  afterEach(async () => {
    for (const end of running.splice(0).reverse()) await end()
  })
  return async (flags = {}) => {
    const { store, cleanUp } = await place()
    running.push(cleanUp)
    return serveStore(store, { ...flags, ...(files && securedWith(files())) })
  }

  async function serveStore(store: string, flags: ServerFlags): Promise<Served> {
    const config = serverConfig({ store, port: 0, logLevel: 'silent', ...flags })
    const server = await startServer(config, quickPasswords)
    running.push(() => server.close())
    const { port } = new URL(server.url)
    const where = files
      ? `admin:changeit@localhost:${port}?tls=true&tlsCAFile=${files().ca}`
      : `127.0.0.1:${port}?tls=false`
    const connected: Served['connect'] = (how, options = '') => {
      const client = connect(`${scheme}${how}://${where}&${quickConnection}${options}`)
      running.push(() => client.dispose())
      return client
    }
    const said = files && { ca: files().ca, authorization: basic('admin', 'changeit') }
    return {
      client: connected(''),
      server,
      login: files ? 'admin' : 'anonymous',
      metrics: async () => String((await send(server.url, 'GET', '/metrics', said)).body.text),
      serveAgain: () => serveStore(store, flags),
      connect: connected,
    }
  }
}

/** The password that the official clients' own tests have, and specifications send with single calls. */
function securedWith({ cert, key }: Certificates): ServerFlags {
  return { cert, key, adminPassword: 'changeit', opsPassword: 'changeit' }
}
