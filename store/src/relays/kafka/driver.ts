import { DriverMissing } from '../../model/errors.ts'

/** The package that speaks Kafka's protocol. */
export type KafkaPackage = typeof import('@platformatic/kafka')

/** @throws DRIVER_MISSING */
export async function importKafka(): Promise<KafkaPackage> {
  try {
    return await import('@platformatic/kafka')
  } catch (cause) {
    const install = 'Install it beside varve: npm install @platformatic/kafka'
    throw new DriverMissing('The @platformatic/kafka package', install, { cause })
  }
}
