// One broker for a whole run of the tests, started when the first test asks for it, as test/postgres/lender.ts lends clusters:
//
//   global-setup.ts, in the process that runs the tests, listens > a test connects > the broker starts unless it has >
//   the test reads where it is
//
// Tests keep apart by the names of their topics and groups. Those that kill a broker start one of their own.

import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { connect, createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { freePort } from '../postgres/kept-server.ts'
import { type SecureKafka, startSecureKafka } from './secure-broker.ts'

/** Where a broker is that somebody else started and will stop. */
export interface LentKafka extends Omit<SecureKafka, 'broker' | 'stop'> {
  /** As in `127.0.0.1:9092`. */
  readonly plainAddress: string
  /** Clients that begin at the advertised port stay there: one file of tests has a proxy there. */
  readonly proxied: { readonly port: number; readonly advertisedPort: number }
}

/** Lends a broker until it is closed. */
export interface KafkaLender {
  /** What `borrowedKafka` needs to find it. */
  readonly socket: string
  close(): Promise<void>
}

type Answer = { readonly kafka: LentKafka } | { readonly failed: string }

/** Starts to listen. */
export async function kafkaLender(): Promise<KafkaLender> {
  let starting: Promise<Started> | undefined
  const folder = mkdtempSync(join(tmpdir(), 'varve-kafka-lender-'))
  const socket = process.platform === 'win32' ? `\\\\.\\pipe\\${folder.replaceAll(/\W/g, '-')}` : join(folder, 'socket')
  const server = createServer((connection) => {
    // A test that was ended while it waited is no reason to fail.
    connection.on('error', () => undefined)
    starting ??= start()
    const answer = (words: Answer): void => void connection.end(JSON.stringify(words))
    starting.then(
      ({ kafka }) => answer({ kafka }),
      (error: unknown) => answer({ failed: String(error) }),
    )
  })
  server.listen(socket)
  await once(server, 'listening')
  server.unref()
  // An interrupted run closes nothing.
  process.once('exit', () => rmSync(folder, { recursive: true, force: true }))
  const close = async (): Promise<void> => {
    server.close()
    const started = await starting?.catch(() => undefined)
    await started?.stop()
    rmSync(folder, { recursive: true, force: true })
  }
  return { socket, close }
}

/** The broker, started by the lender unless it runs already. */
export async function borrowedKafka(socket: string): Promise<LentKafka> {
  const answer = JSON.parse(await text(connect(socket))) as Answer
  if ('failed' in answer) throw new Error(answer.failed)
  return answer.kafka
}

interface Started {
  readonly kafka: LentKafka
  readonly stop: () => Promise<void>
}

async function start(): Promise<Started> {
  const proxied = { port: await freePort(), advertisedPort: await freePort() }
  const { broker, address, caFile, stop } = await startSecureKafka([{ name: 'PROXIED', ...proxied }])
  return { kafka: { plainAddress: broker.address, address, caFile, proxied }, stop }
}
