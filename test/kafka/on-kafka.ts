import { randomUUID } from 'node:crypto'
import { afterAll, beforeAll, describe } from 'vitest'
import { freePort } from '../postgres/kept-server.ts'
import { sayWhy } from '../postgres/on-postgres.ts'
import { type KafkaBroker, startKafka } from './broker.ts'
import { type FaultyProxy, startFaultyProxy } from './faulty-proxy.ts'
import { whyNoKafka } from './jars.ts'
import { type SecureKafka, startSecureKafka } from './secure-broker.ts'

/** A broker that tests of one file may use. */
export interface Kafka {
  broker(): KafkaBroker
  /** A name that nobody has used on it. */
  newName(): string
}

/** A broker, and a way to it that fails when it is told to. */
export interface KafkaThroughProxy extends Kafka {
  proxy(): FaultyProxy
}

/** On a machine that is busy with other tests. */
const startMs = 120_000

/** Specifies something for a real Apache Kafka. Where there is none its tests are skipped, and the reason is printed. */
export function onKafka(specify: (kafka: Kafka) => void): void {
  withStarted(
    startKafka,
    (broker) => broker.stop(),
    (broker) => specify({ broker, newName }),
  )
}

/** The same for one that clients can also come to through a proxy. */
export function onKafkaThroughProxy(specify: (kafka: KafkaThroughProxy) => void): void {
  withStarted(
    async () => {
      const [port, advertisedPort] = [await freePort(), await freePort()]
      const proxy = await startFaultyProxy(advertisedPort, port)
      return { proxy, broker: await startKafka({ listeners: [{ name: 'PROXIED', port, advertisedPort }] }) }
    },
    async ({ proxy, broker }) => {
      await proxy.close()
      await broker.stop()
    },
    (started) => specify({ broker: () => started().broker, proxy: () => started().proxy, newName }),
  )
}

/** The same for one that also listens where one needs TLS and a login. */
export function onSecureKafka(specify: (kafka: Kafka & { secure(): SecureKafka }) => void): void {
  withStarted(
    startSecureKafka,
    (secure) => secure.stop(),
    (secure) => specify({ broker: () => secure().broker, secure, newName }),
  )
}

function withStarted<Started>(
  start: () => Promise<Started>,
  stop: (started: Started) => Promise<void>,
  specify: (started: () => Started) => void,
): void {
  const reason = sayWhy(whyNoKafka())
  describe.skipIf(reason)('Apache Kafka', () => {
    let started: Started | undefined
    beforeAll(async () => {
      started = await start()
    }, startMs)
    afterAll(async () => started && stop(started))
    specify(() => {
      if (started === undefined) throw new Error('It runs while tests run.')
      return started
    })
  })
}

function newName(): string {
  return `t-${randomUUID().slice(0, 13)}`
}
