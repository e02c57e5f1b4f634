// Orders go to a topic of Kafka, each once, in the order of their streams; one that cannot be published is put aside.
// Run with: VARVE_KAFKA_BROKERS=127.0.0.1:9092 node examples/19-kafka.ts
import assert from 'node:assert/strict'
import { Admin } from '@platformatic/kafka'
import { memory, openStore, parkedInProjection, projectionStatus, runProjections } from 'varve'
import { type KafkaCodec, kafkaEnvelope, kafkaRelay } from 'varve/kafka'

const brokers = process.env.VARVE_KAFKA_BROKERS?.split(',')
if (brokers === undefined) {
  console.log('Skipped: name the brokers of a Kafka in VARVE_KAFKA_BROKERS to run this.')
  process.exit()
}

// A relay publishes to topics that are there.
const topic = `orders-${Date.now()}`
const admin = new Admin({ clientId: 'example', bootstrapBrokers: brokers })
await admin.createTopics({ topics: [topic], partitions: 3, replicas: -1 })
await admin.close()

await using store = openStore({ engine: memory() })
for (const order of ['1', '2', '3']) {
  await store.append(`Order-${order}`, [
    { type: 'OrderPlaced', data: { total_cents: order === '3' ? null : 1200 } },
    { type: 'OrderShipped', data: {} },
  ])
}

const codec: KafkaCodec = (event) => {
  if ((event.data as { total_cents?: unknown }).total_cents === null) throw new TypeError('no total')
  return kafkaEnvelope(event)
}

// A relay is a projection: what runs, lists, pauses and replays projections does so with relays.
const relay = kafkaRelay(store, {
  name: topic,
  brokers,
  topic,
  codec,
  delivery: 'exactly_once',
  filter: { categories: ['Order'] },
  onFailure: () => 'park_key',
})
await using running = runProjections(store, [relay])
await running.waitFor(relay.name, await store.head())

const { position, lagEvents, parked } = await projectionStatus(store, relay.name)
console.log(`Published up to ${position}, ${lagEvents} events behind, ${parked} put aside:`)
for await (const event of parkedInProjection(store, relay.name)) {
  console.log(`  ${event.eventType} of ${event.streamId}: ${event.reason}`)
}
assert.equal(parked, 2)
