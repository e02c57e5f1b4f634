import { deepEqual, equal, match, ok, rejects } from 'node:assert/strict'
import {
  type EventStore,
  memory,
  openStore,
  type ParkedInProjection,
  type Projection,
  parkedInProjection,
  projectionStatus,
  replayInProjection,
  runProjections,
} from 'varve'
import { cloudEvents, type KafkaCodec, type KafkaRelayOptions, kafkaEnvelope, kafkaRelay } from 'varve/kafka'
import { describe, expect, it } from 'vitest'
import { onKafka } from './on-kafka.ts'
import { createTopic, type Found, readTopic } from './topics.ts'

const placed = (total: number) => ({ type: 'OrderPlaced', data: { total } })

onKafka(({ broker, newName }) => {
  async function newTopic(partitions = 1): Promise<string> {
    const topic = newName()
    await createTopic(broker().address, topic, { partitions })
    return topic
  }

  function relayOf(store: EventStore, options: Partial<KafkaRelayOptions> & Pick<KafkaRelayOptions, 'topic'>) {
    return kafkaRelay(store, { name: newName(), brokers: [broker().address], ...options })
  }

  /** Runs it until it has come to the head of the store. */
  async function relayed(store: EventStore, relay: Projection<unknown>): Promise<void> {
    await using running = runProjections(store, [relay], { leaseMs: 2_000, log: () => undefined })
    await running.waitFor(relay.name, await store.head())
    await running.stop()
    await relay.target.close()
  }

  for (const delivery of ['at_least_once', 'exactly_once'] as const) {
    describe(`a relay that publishes ${delivery}`, () => {
      it('publishes each event under its stream, with its envelope, in the order of the stream', async () => {
        await using store = openStore({ engine: memory() })
        const topic = await newTopic(3)
        const ids = Array.from({ length: 1_200 }, (_, n) => `Order-${n % 7}`)
        for (const [n, id] of ids.entries()) await store.append(id, [placed(n)])
        await relayed(store, relayOf(store, { topic, delivery }))
        const found = await readTopic(broker().address, topic)
        equal(found.length, 1_200)
        ok(found.every(({ isCommitted }) => isCommitted))
        for (const [key, of] of Map.groupBy(found, (message) => message.key)) {
          equal(new Set(of.map(({ partition }) => partition)).size, 1)
          deepEqual(
            versions(of),
            of.map((_, index) => index + 1),
          )
          equal(JSON.parse(of[0]?.value ?? '').stream_id, key)
        }
      })

      it('goes on where it was', async () => {
        await using store = openStore({ engine: memory() })
        const topic = await newTopic()
        const name = newName()
        await store.append('Order-1', [placed(1), placed(2)])
        await relayed(store, relayOf(store, { topic, delivery, name }))
        await store.append('Order-1', [placed(3)])
        await relayed(store, relayOf(store, { topic, delivery, name }))
        deepEqual(versions(await readTopic(broker().address, topic)), [1, 2, 3])
      })

      it('stops at an event whose codec throws, with everything before it published once', async () => {
        await using store = openStore({ engine: memory() })
        const topic = await newTopic()
        await store.append('Order-1', [placed(1), placed(2), placed(-1), placed(3)])
        const relay = relayOf(store, { topic, delivery, codec: refusing })
        await using running = runProjections(store, [relay], { log: () => undefined })
        await rejects(running.waitFor(relay.name, 4), { code: 'PROJECTION_STOPPED' })
        const { generations } = await projectionStatus(store, relay.name)
        const failure = generations[0]?.partitions[0]?.failure
        equal(failure?.event?.position, 3)
        match(failure?.reason ?? '', /no negative totals/)
        deepEqual(versions(await readTopic(broker().address, topic)), [1, 2])
        await relay.target.close()
      })

      it('sets such an event aside if told to, and publishes it when it is replayed', async () => {
        await using store = openStore({ engine: memory() })
        const topic = await newTopic()
        const name = newName()
        await store.append('Order-1', [placed(1), placed(-1), placed(2)])
        const parking = relayOf(store, { topic, delivery, name, codec: refusing, onFailure: () => 'park_event' })
        await relayed(store, parking)
        deepEqual(versions(await readTopic(broker().address, topic)), [1, 3])
        const parked = await parkedOf(store, name)
        deepEqual(
          parked.map(({ position }) => position),
          [2],
        )
        await using running = runProjections(store, [relayOf(store, { topic, delivery, name })], { leaseMs: 1_000 })
        await replayInProjection(store, name, { positions: 'all', expectedCount: 1 })
        await expect.poll(async () => versions(await readTopic(broker().address, topic))).toEqual([1, 3, 2])
        await running.stop()
      })

      it('finds the event that a broker takes no batch with', async () => {
        await using store = openStore({ engine: memory() })
        const topic = newName()
        await createTopic(broker().address, topic, { configs: { 'max.message.bytes': '20000' } })
        const large = { type: 'OrderPlaced', data: { note: 'x'.repeat(30_000) } }
        for (const event of [placed(1), placed(2), large, placed(3)]) await store.append('Order-1', [event])
        const relay = relayOf(store, { topic, delivery, onFailure: () => 'park_event' })
        await relayed(store, relay)
        const parked = await parkedOf(store, relay.name)
        deepEqual(
          parked.map(({ position, code }) => [position, code]),
          [[3, 'TARGET_FAILED']],
        )
        match(parked[0]?.reason ?? '', /max\.message\.bytes/)
        deepEqual([...new Set(committed(await readTopic(broker().address, topic)))], [1, 2, 4])
      })
    })
  }

  it('takes messages to the topics that a function gives, and leaves out what has none', async () => {
    await using store = openStore({ engine: memory() })
    const [orders, notes] = [await newTopic(), await newTopic()]
    await store.append('Order-1', [placed(1)])
    await store.append('Note-1', [{ type: 'Noted', data: {} }])
    await store.append('Secret-1', [{ type: 'Kept', data: {} }])
    const byCategory: Readonly<Record<string, string>> = { Order: orders, Note: notes }
    await relayed(store, relayOf(store, { topic: ({ streamId }) => byCategory[streamId.split('-', 1)[0] ?? ''] }))
    deepEqual(
      (await readTopic(broker().address, orders)).map(({ key }) => key),
      ['Order-1'],
    )
    deepEqual(
      (await readTopic(broker().address, notes)).map(({ key }) => key),
      ['Note-1'],
    )
  })

  it('publishes no facts about streams to a topic by name', async () => {
    await using store = openStore({ engine: memory() })
    const topic = await newTopic()
    await store.append('Order-1', [placed(1)])
    await store.setStreamMetadata('Order-1', { custom: { owner: 'ada' } })
    await relayed(store, relayOf(store, { topic }))
    deepEqual(
      (await readTopic(broker().address, topic)).map(({ key }) => key),
      ['Order-1'],
    )
  })

  it('carries CloudEvents in their JSON form', async () => {
    await using store = openStore({ engine: memory() })
    const topic = await newTopic()
    const { eventIds } = await store.append('Order-1', [{ ...placed(1), metadata: { correlationId: 'req-1' } }])
    await relayed(store, relayOf(store, { topic, codec: cloudEvents('https://shop.example/orders') }))
    const [message] = await readTopic(broker().address, topic)
    equal(message?.headers['content-type'], 'application/cloudevents+json; charset=UTF-8')
    const { time, ...event } = JSON.parse(message?.value ?? '')
    ok(Date.parse(time) > 0)
    deepEqual(event, {
      ...{ specversion: '1.0', id: eventIds[0], source: 'https://shop.example/orders', type: 'OrderPlaced' },
      ...{ subject: 'Order-1', partitionkey: 'Order-1', sequence: '1', streamversion: 1, schemaversion: 1 },
      ...{ datacontenttype: 'application/json', correlationid: 'req-1', data: { total: 1 } },
    })
  })

  it('takes a codec of the user, with headers and without a value', async () => {
    await using store = openStore({ engine: memory() })
    const topic = await newTopic()
    await store.append('Order-1', [placed(1), placed(2)])
    const codec: KafkaCodec = ({ version }) =>
      version === 1 ? { value: new Uint8Array([104, 105]), headers: { via: 'test' } } : { value: null }
    await relayed(store, relayOf(store, { topic, codec }))
    const found = await readTopic(broker().address, topic)
    deepEqual(
      found.map(({ value }) => value),
      ['hi', null],
    )
    equal(found[0]?.headers.via, 'test')
    equal(found[1]?.headers['varve-event-type'], 'OrderPlaced')
  })

  it('stops, and says so, where there is no such topic', async () => {
    await using store = openStore({ engine: memory() })
    await store.append('Order-1', [placed(1)])
    const relay = relayOf(store, { topic: newName() })
    await using running = runProjections(store, [relay], { log: () => undefined })
    await rejects(running.waitFor(relay.name, 1), {
      code: 'PROJECTION_STOPPED',
      message: /there is no topic.*Create it/,
    })
    await relay.target.close()
  })

  it('shares the streams out among its partitions, and leaves no connection open', async () => {
    await using store = openStore({ engine: memory() })
    const topic = await newTopic(2)
    for (let n = 0; n < 40; n++) await store.append(`Order-${n}`, [placed(1), placed(2)])
    const before = openSockets()
    await relayed(store, relayOf(store, { topic, partitions: 4, delivery: 'exactly_once' }))
    // Those of what came before may be closing.
    await expect.poll(openSockets).toBeLessThanOrEqual(before)
    const found = await readTopic(broker().address, topic)
    equal(found.length, 80)
    for (const of of Map.groupBy(found, ({ key }) => key).values()) deepEqual(versions(of), [1, 2])
  })
})

const refusing: KafkaCodec = (event) => {
  if ((event.data as { readonly total: number }).total < 0) throw new RangeError('no negative totals')
  return kafkaEnvelope(event)
}

async function parkedOf(store: EventStore, name: string): Promise<readonly ParkedInProjection[]> {
  const parked: ParkedInProjection[] = []
  for await (const event of parkedInProjection(store, name)) parked.push(event)
  return parked
}

function openSockets(): number {
  return process.getActiveResourcesInfo().filter((kind) => kind === 'TCPSocketWrap').length
}

function versions(found: readonly Found[]): readonly number[] {
  return found.map(({ headers }) => Number(headers['varve-version']))
}

function committed(found: readonly Found[]): readonly number[] {
  return versions(found.filter(({ isCommitted }) => isCommitted))
}
