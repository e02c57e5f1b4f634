import type { TestProject } from 'vitest/node'
import { type KafkaLender, kafkaLender } from '../kafka/lent-broker.ts'
import { type Lender, lender } from './lender.ts'

declare module 'vitest' {
  interface ProvidedContext {
    /** Where tests ask for the PostgreSQL cluster that all of them share. */
    readonly postgresSocket: string
    /** Where they ask for the broker of Kafka. */
    readonly kafkaSocket: string
  }
}

let lending: Lender | undefined
let lendingKafka: KafkaLender | undefined

/** Called by Vitest before the first test. */
export async function setup(project: TestProject): Promise<void> {
  lending = await lender()
  project.provide('postgresSocket', lending.socket)
  lendingKafka = await kafkaLender()
  project.provide('kafkaSocket', lendingKafka.socket)
}

/** Called by Vitest after the last test. */
export async function teardown(): Promise<void> {
  await lending?.close()
  await lendingKafka?.close()
}
