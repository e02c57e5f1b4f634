import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { KurrentDBClient } from '@kurrent/kurrentdb-client'
import { afterEach } from 'vitest'
import { type ServerFlags, serverConfig } from '../../server/src/config.ts'
import { type RunningServer, startServer } from '../../server/src/server.ts'

/**
 * Sets the stage for what official clients are specified to meet. Each client has test files of its own, since two of them
 * in one process overwrite each other's messages: such a file first chooses the client and the stores, then imports the
 * specifications.
 */

/** A server and an official client that is connected to it. */
export interface Served {
  readonly client: KurrentDBClient
  readonly server: RunningServer
  /** As clients name it: `127.0.0.1:2113`. */
  readonly host: string
  /** Another server over the same store, for this client. Not over memory, which servers do not share. */
  serveAgain(): Promise<Served>
  /** Another client of the same kind: what its connection string says behind the scheme and at its end. */
  connect(how: '' | '+discover', options?: string): KurrentDBClient
}

/** Starts a fresh server on an empty store and connects; both end with the test. */
export type Serve = (flags?: ServerFlags) => Promise<Served>

/** Where a store lies. */
export interface Place {
  readonly store: string
  readonly cleanUp: () => unknown
}

/** Makes a place for each test. */
export type MakePlace = () => Place | Promise<Place>

/** Connects a client by a connection string. */
export type Connect = (connectionString: string) => KurrentDBClient

/** What a test file chooses. */
export interface Stage {
  readonly connect: Connect
  readonly scheme: string
  readonly places: Readonly<Record<string, MakePlace>>
}

let chosen: Stage | undefined

/** Chooses the client and the stores of this test file. */
export function setStage(stage: Stage): void {
  chosen = stage
}

/** Each store that was chosen, and how to serve it. */
export function servedStores(): (readonly [string, Serve])[] {
  const stage = chosenStage()
  return Object.entries(stage.places).map(([name, place]) => [name, serving(stage, place)] as const)
}

/** What this test file has chosen. */
export function chosenStage(): Stage {
  if (chosen === undefined) throw new Error('Choose a client first: import one of the files named with-….')
  return chosen
}

/** Stores that need nothing but this machine. */
export const embedded: Readonly<Record<'memory' | 'sqlite', MakePlace>> = {
  memory: () => ({ store: 'memory:', cleanUp: () => undefined }),
  sqlite: () => {
    const folder = mkdtempSync(join(tmpdir(), 'varve-kurrent-'))
    return { store: `sqlite:${join(folder, 'store.db')}`, cleanUp: () => rmSync(folder, { recursive: true }) }
  },
}

function serving({ connect, scheme }: Stage, place: MakePlace): Serve {
  const running: (() => unknown)[] = []
  afterEach(async () => {
    for (const end of running.splice(0).reverse()) await end()
  })
  return async (flags = {}) => {
    const { store, cleanUp } = await place()
    running.push(cleanUp)
    return serveStore(store, flags)
  }

  async function serveStore(store: string, flags: ServerFlags): Promise<Served> {
    const server = await startServer(serverConfig({ store, port: 0, logLevel: 'silent', ...flags }))
    running.push(() => server.close())
    const { host } = new URL(server.url)
    const connected: Served['connect'] = (how, options = '') => {
      const client = connect(`${scheme}${how}://${host}?tls=false${options}`)
      running.push(() => client.dispose())
      return client
    }
    return { client: connected(''), server, host, connect: connected, serveAgain: () => serveStore(store, flags) }
  }
}
