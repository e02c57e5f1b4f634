// What becomes of a relay, and of what takes messages in, when connections to the broker fail at requests of its choice. An error
// that nobody catches ends a process; here it fails the run. For long runs: VARVE_KAFKA_FAULTS (10 unless told otherwise), and
// VARVE_KAFKA_SEED.

import { deepEqual, equal, ok } from 'node:assert/strict'
import { Producer } from '@platformatic/kafka'
import { type EventStore, memory, openStore, runProjections } from 'varve'
import { appendFromKafka, type IncomingEvents, kafkaRelay, type RunningFromKafka } from 'varve/kafka'
import { expect, it } from 'vitest'
import { seeded } from '../../store/src/conformance/seeded.ts'
import type { Fault, FaultyProxy, RequestName } from './faulty-proxy.ts'
import { onKafkaThroughProxy } from './on-kafka.ts'
import { createTopic, readTopic } from './topics.ts'

const faultsMax = Number(process.env.VARVE_KAFKA_FAULTS ?? 10)
const seed = Number(process.env.VARVE_KAFKA_SEED ?? Date.now() % 1_000_000)
/** Each fault costs an attempt or two of a request, and some of them a membership. */
const faultyMs = 60_000 + faultsMax * 3_000

const toEvents: IncomingEvents = ({ key, text }) => ({
  streamId: `Payment-${key}`,
  type: 'PaymentTaken',
  data: JSON.parse(text ?? 'null'),
})

onKafkaThroughProxy(({ broker, proxy, newName }) => {
  async function newTopic(partitions: number): Promise<string> {
    const topic = newName()
    await createTopic(broker().address, topic, { partitions })
    return topic
  }

  async function send(topic: string, value: number): Promise<void> {
    const place = { clientId: 'test', bootstrapBrokers: [broker().address], retries: 20 }
    const producer = new Producer({ ...place, idempotent: true })
    try {
      const messages = keys.map((key) => ({ topic, key: Buffer.from(key), value: Buffer.from(String(value)) }))
      await producer.send({ messages })
    } finally {
      await producer.close()
    }
  }

  const member = (store: EventStore, topic: string, address = proxy().address): RunningFromKafka =>
    appendFromKafka(store, {
      ...{ brokers: [address], group: topic, topics: [topic], toEvents, log: () => undefined },
      // A member that is cut off is missed soon.
      sessionMs: 6_000,
    })

  const hasAll = (store: EventStore, rounds: number) =>
    expect.poll(() => store.head(), { timeout: faultyMs }).toBe(keys.length * rounds)

  it('leaves its group while it is joining it again', { timeout: 60_000 }, async () => {
    await using store = openStore({ engine: memory() })
    const topic = await newTopic(4)
    const reading = asked(proxy(), 'fetch')
    const first = member(store, topic)
    await reading
    const joining = asked(proxy(), 'joinGroup', 'answer_held')
    const second = member(store, topic, broker().address)
    await joining
    const leaving = asked(proxy(), 'leaveGroup')
    const stopped = first.stop()
    await leaving
    // It is told to go on joining, and then that it has left.
    proxy().release()
    await stopped
    await second.stop()
  })

  it(`takes everything in once through ${faultsMax} faults (seed ${seed})`, { timeout: 3 * faultyMs }, async () => {
    await using store = openStore({ engine: memory() })
    const topic = await newTopic(4)
    const random = seeded(seed)
    const members: RunningFromKafka[] = []
    let faults = 0
    for (let round = 1; round <= 3; round++) {
      members.push(member(store, topic))
      const failed = failing(proxy(), random, Math.ceil(faultsMax / 3))
      await send(topic, round)
      if (round === 2) await members.shift()?.stop()
      await hasAll(store, round)
      faults += failed()
    }
    ok(faultsMax === 0 || faults > 0, 'nothing failed')
    await Promise.all(members.map((running) => running.stop()))
    for (const key of keys) deepEqual(await dataOf(store, `Payment-${key}`), [1, 2, 3])
  })

  for (const delivery of ['at_least_once', 'exactly_once'] as const) {
    it(`relays ${delivery} through ${faultsMax} faults (seed ${seed})`, { timeout: 2 * faultyMs }, async () => {
      await using store = openStore({ engine: memory() })
      const topic = await newTopic(2)
      const relay = kafkaRelay(store, { name: topic, brokers: [proxy().address], topic, delivery })
      await using running = runProjections(store, [relay], { leaseMs: 2_000, log: () => undefined })
      const random = seeded(seed)
      let faults = 0
      for (let round = 1; round <= 3; round++) {
        const failed = failing(proxy(), random, Math.ceil(faultsMax / 3))
        for (const key of keys) await store.append(key, [{ type: 'OrderPlaced', data: round }])
        await running.waitFor(topic, await store.head(), { timeoutMs: faultyMs })
        faults += failed()
      }
      ok(faultsMax === 0 || faults > 0, 'nothing failed')
      await running.stop()
      await relay.target.close()
      const committed = (await readTopic(broker().address, topic)).filter(({ isCommitted }) => isCommitted)
      for (const [key, of] of Map.groupBy(committed, (message) => message.key)) {
        const versions = of.map(({ headers }) => Number(headers['varve-version']))
        deepEqual(delivery === 'exactly_once' ? versions : [...new Set(versions)], [1, 2, 3], key)
      }
      equal(new Set(committed.map(({ key }) => key)).size, keys.length)
    })
  }
})

const keys = Array.from({ length: 20 }, (_, n) => `k${n}`)

/** Resolves when a request is made, which comes to this. */
function asked(proxy: FaultyProxy, request: RequestName, fault?: Fault): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>()
  proxy.decide = (found) => {
    if (found !== request) return undefined
    proxy.decide = () => undefined
    resolve()
    return fault
  }
  return promise
}

/** Lets some of the next requests fail, one of the first three among them, and tells how many have. */
function failing(proxy: FaultyProxy, random: ReturnType<typeof seeded>, faults: number): () => number {
  const ways: readonly Fault[] = ['request_lost', 'sent', 'answer_lost']
  let left = faults
  let passing = random.below(3)
  proxy.decide = () => {
    if (left === 0 || passing-- > 0) return undefined
    left--
    passing = random.below(11)
    return random.pick(ways)
  }
  return () => faults - left
}

async function dataOf(store: EventStore, streamId: string): Promise<readonly unknown[]> {
  return (await store.readStream(streamId).toArray()).map(({ data }) => data)
}
