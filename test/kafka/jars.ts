// What the broker runs from.

import { hasProgram, type Jars, pinnedJars } from '../java/jars.ts'

/** The jars of Apache Kafka. */
export const kafkaJars: Jars = pinnedJars(new URL('./jars.txt', import.meta.url), 'varve-kafka')

/** Why no broker runs here, undefined when everything that it needs is there. Fetches nothing. */
export function whyNoKafka(): string | undefined {
  if (!hasProgram('java')) return 'java is not installed, which Apache Kafka needs (17 or later)'
  return kafkaJars.areThere()
    ? undefined
    : "Apache Kafka's jars are not there (node test/kafka/fetch.ts gets them from Maven Central)"
}
