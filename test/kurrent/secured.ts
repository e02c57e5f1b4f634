import type { KurrentDBClient } from '@kurrent/kurrentdb-client'
import { afterEach } from 'vitest'
import { serverConfig } from '../../server/src/config.ts'
import { type RunningServer, startServer } from '../../server/src/server.ts'
import type { Certificates } from '../security/certificates.ts'
import { type Answer, basic, quickPasswords, send } from '../security/requests.ts'
import { ownCertificates } from './own-certificates.ts'
import type { MakePlace } from './places.ts'
import { quickConnection } from './quick-connection.ts'
import { chosenStage } from './stage.ts'

/** A server with TLS and logins, whose users `admin` and `ops` have the password `changeit`, and `ada` has `ada`. */
export interface Secured {
  readonly server: RunningServer
  /** A client that logs in as `user:password`; without credentials it does not. */
  connect(credentials?: string): KurrentDBClient
  /** What the server answers `admin` over HTTP. */
  asAdmin(method: string, path: string, body?: unknown): Promise<Answer>
}

/** Starts a server on an empty store; it ends with the test, as do its clients. */
export type Secure = () => Promise<Secured>

/** Each store that was chosen, and how to serve it securely. */
export function securedStores(): (readonly [string, Secure])[] {
  const stage = chosenStage()
  const files = ownCertificates()
  return Object.entries(stage.places).map(([name, place]) => [name, securing(place, files)] as const)
}

function securing(place: MakePlace, files: () => Certificates): Secure {
  const { connect, scheme } = chosenStage()
  const running: (() => unknown)[] = []
  afterEach(async () => {
    for (const end of running.splice(0).reverse()) await end()
  })
  return async () => {
    const { store, cleanUp } = await place()
    running.push(cleanUp)
    const { ca, cert, key } = files()
    const passwords = { adminPassword: 'changeit', opsPassword: 'changeit' }
    const config = serverConfig({ store, port: 0, logLevel: 'silent', cert, key, ...passwords })
    const server = await startServer(config, quickPasswords)
    running.push(() => server.close())
    const asAdmin: Secured['asAdmin'] = (method, path, body) =>
      send(server.url, method, path, { ca, body, authorization: basic('admin', 'changeit') })
    await asAdmin('POST', '/users', { login: 'ada', password: 'ada', groups: ['readers'] })
    const { port } = new URL(server.url)
    const connected: Secured['connect'] = (credentials) => {
      const user = credentials === undefined ? '' : `${credentials}@`
      const client = connect(`${scheme}://${user}localhost:${port}?tls=true&tlsCAFile=${ca}&${quickConnection}`)
      running.push(() => client.dispose())
      return client
    }
    return { server, connect: connected, asAdmin }
  }
}
