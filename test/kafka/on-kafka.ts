import { randomUUID } from 'node:crypto'
import { afterAll, beforeAll, describe, inject } from 'vitest'
import { sayWhy } from '../postgres/on-postgres.ts'
import { type KafkaBroker, startKafka } from './broker.ts'
import { type FaultyProxy, startFaultyProxy } from './faulty-proxy.ts'
import { whyNoKafka } from './jars.ts'
import { borrowedKafka, type LentKafka } from './lent-broker.ts'

/** A broker that tests may use. */
export interface Kafka<Broker = Pick<KafkaBroker, 'address'>> {
  broker(): Broker
  /** A name that nobody has used on it. */
  newName(): string
}

/** On a machine that is busy with other tests. */
const startMs = 120_000

/** Specifies something for a real Apache Kafka. Where there is none its tests are skipped, and the reason is printed. */
export function onKafka(specify: (kafka: Kafka) => void): void {
  onLentKafka((kafka) => specify({ broker: () => ({ address: kafka().plainAddress }), newName }))
}

/** The same for one that a file of tests has to itself, to kill it. */
export function onOwnKafka(specify: (kafka: Kafka<KafkaBroker>) => void): void {
  withStarted(
    startKafka,
    (broker) => broker.stop(),
    (broker) => specify({ broker, newName }),
  )
}

/** The same for where one needs TLS and a login. */
export function onSecureKafka(specify: (kafka: Kafka & { secure(): LentKafka }) => void): void {
  onLentKafka((secure) => specify({ broker: () => ({ address: secure().plainAddress }), secure, newName }))
}

/** The same for one that clients can also come to through a proxy, which fails when it is told to. */
export function onKafkaThroughProxy(specify: (kafka: Kafka & { proxy(): FaultyProxy }) => void): void {
  withStarted(
    async () => {
      const { plainAddress, proxied } = await borrowedKafka(inject('kafkaSocket'))
      return { address: plainAddress, proxy: await startFaultyProxy(proxied.advertisedPort, proxied.port) }
    },
    ({ proxy }) => proxy.close(),
    (started) => specify({ broker: started, proxy: () => started().proxy, newName }),
  )
}

function onLentKafka(specify: (kafka: () => LentKafka) => void): void {
  withStarted(
    () => borrowedKafka(inject('kafkaSocket')),
    async () => undefined,
    specify,
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
