// node test/kafka/fetch.ts: gets the jars of Apache Kafka, for tests and measurements that start one.

import { fetchKafka } from './jars.ts'

await fetchKafka()
