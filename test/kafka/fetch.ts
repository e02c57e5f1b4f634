// node test/kafka/fetch.ts: gets the jars of Apache Kafka, for tests and measurements that start one.

import { kafkaJars } from './jars.ts'

await kafkaJars.fetch()
