import { randomUUID } from 'node:crypto'
import { afterAll, beforeAll, describe } from 'vitest'
import { sayWhy } from '../postgres/on-postgres.ts'
import { type KafkaBroker, type KafkaBrokerOptions, startKafka } from './broker.ts'
import { whyNoKafka } from './jars.ts'

/** A broker that tests of one file may use. */
export interface Kafka {
  broker(): KafkaBroker
  /** A name that nobody has used on it. */
  newName(): string
}

/** On a machine that is busy with other tests. */
const startMs = 120_000

/** Specifies something for a real Apache Kafka. Where there is none its tests are skipped, and the reason is printed. */
export function onKafka(specify: (kafka: Kafka) => void, options: KafkaBrokerOptions = {}): void {
  const reason = sayWhy(whyNoKafka())
  describe.skipIf(reason)('Apache Kafka', () => {
    let broker: KafkaBroker | undefined
    beforeAll(async () => {
      broker = await startKafka(options)
    }, startMs)
    afterAll(async () => broker?.stop())
    specify({
      broker: () => {
        if (broker === undefined) throw new Error('It runs while tests run.')
        return broker
      },
      newName: () => `t-${randomUUID().slice(0, 13)}`,
    })
  })
}
