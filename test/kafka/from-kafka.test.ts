import { deepEqual, equal, match, rejects, throws } from 'node:assert/strict'
import { Producer } from '@platformatic/kafka'
import { type EventStore, memory, openStore } from 'varve'
import {
  appendFromKafka,
  type FromKafkaOptions,
  type IncomingEvents,
  parkedFromKafka,
  type RunningFromKafka,
  replayFromKafka,
} from 'varve/kafka'
import { expect, it } from 'vitest'
import { onKafka } from './on-kafka.ts'
import { createTopic } from './topics.ts'

const toEvents: IncomingEvents = ({ key, text }) => {
  const data: unknown = JSON.parse(text ?? 'null')
  return data === null ? undefined : { streamId: `Payment-${key}`, type: 'PaymentTaken', data }
}

onKafka(({ broker, newName }) => {
  async function newTopic(partitions = 1): Promise<string> {
    const topic = newName()
    await createTopic(broker().address, topic, { partitions })
    return topic
  }

  /** Sends messages as `key value`, as somebody else's program would: once, or in transactions of one producer that end like this. */
  async function send(topic: string, lines: readonly string[], ends?: readonly ('commit' | 'abort')[]): Promise<void> {
    const place = { clientId: 'test', bootstrapBrokers: [broker().address], retries: 20, retryDelay: 100 }
    const transactionalId = newName()
    const producer = new Producer({ ...place, idempotent: true, transactionalId })
    const messages = lines.map((line) => {
      const [key = '', value = ''] = line.split(' ')
      return { topic, key: Buffer.from(key), ...(value !== '' && { value: Buffer.from(value) }) }
    })
    try {
      if (ends === undefined) await producer.send({ messages })
      for (const end of ends ?? []) {
        const transaction = await producer.beginTransaction({ producerId: -1n, producerEpoch: -1 })
        await transaction.send({ messages })
        await transaction[end]()
      }
    } finally {
      await producer.close()
    }
  }

  function begin(store: EventStore, options: Partial<FromKafkaOptions> & Pick<FromKafkaOptions, 'topics'>) {
    return appendFromKafka(store, {
      ...{ brokers: [broker().address], group: newName(), toEvents, log: () => undefined, ...options },
    })
  }

  async function dataOf(store: EventStore, streamId: string): Promise<readonly unknown[]> {
    return (await store.readStream(streamId).toArray()).map(({ data }) => data)
  }

  const until = (running: RunningFromKafka, received: number) =>
    expect.poll(() => running.counts.received).toBeGreaterThanOrEqual(received)

  it('appends each message once, in the order of its stream, and goes on where the group was', async () => {
    await using store = openStore({ engine: memory() })
    const [topic, group] = [await newTopic(2), newName()]
    await send(topic, ['a 1', 'b 2', 'a 3', 'c'])
    const first = begin(store, { topics: [topic], group })
    await until(first, 4)
    await expect.poll(() => first.lag()).toBe(0)
    await first.stop()
    deepEqual({ ...first.counts }, { received: 4, appended: 3, repeated: 0, leftOut: 1, parked: 0, retries: 0 })
    await send(topic, ['a 4'])
    await using second = begin(store, { topics: [topic], group })
    await until(second, 1)
    equal(second.counts.received, 1)
    deepEqual(await dataOf(store, 'Payment-a'), [1, 3, 4])
  })

  it('appends nothing twice for a group that begins anew', async () => {
    await using store = openStore({ engine: memory() })
    const topic = await newTopic()
    await send(topic, ['a 1', 'a 2', 'b 3'])
    for (const repeated of [0, 3]) {
      const running = begin(store, { topics: [topic] })
      await until(running, 3)
      await running.stop()
      equal(running.counts.repeated, repeated)
    }
    equal(await store.head(), 3)
  })

  it('takes nothing in of transactions that were aborted', async () => {
    await using store = openStore({ engine: memory() })
    const topic = await newTopic()
    // One that aborts several times in one answer is what the client lets through.
    await send(topic, ['a 1', 'b 1'], ['abort', 'commit', 'abort', 'abort', 'commit'])
    await send(topic, ['a 2'])
    await using running = begin(store, { topics: [topic] })
    await expect.poll(() => dataOf(store, 'Payment-a')).toEqual([1, 1, 2])
    equal(running.counts.received, 5)
  })

  it('stops at a message that makes no event, and has everything before it', async () => {
    await using store = openStore({ engine: memory() })
    const [topic, group] = [await newTopic(), newName()]
    await send(topic, ['a 1', 'a nonsense', 'a 3'])
    const running = begin(store, { topics: [topic], group })
    await rejects(running.done, { code: 'MESSAGE_REFUSED', topic, partition: 0, offset: 1 })
    deepEqual(await dataOf(store, 'Payment-a'), [1, 3])
    const mended = begin(store, { topics: [topic], group, toEvents: (message) => toEvents({ ...message, text: '2' }) })
    await until(mended, 2)
    await mended.stop()
    equal(mended.counts.repeated, 1)
  })

  it('parks such a message if told to, and appends it when it is replayed', async () => {
    await using store = openStore({ engine: memory() })
    const [topic, group] = [await newTopic(), newName()]
    await send(topic, ['a 1', 'a nonsense', 'a 3'])
    await using running = begin(store, { topics: [topic], group, onFailure: () => 'park_message' })
    await until(running, 3)
    await expect.poll(() => running.counts.parked).toBe(1)
    for await (const { key, text, offset, reason } of parkedFromKafka(store, group)) {
      deepEqual([key, text, offset], ['a', 'nonsense', 1])
      match(reason, /JSON/)
    }
    await rejects(replayFromKafka(store, group, { toEvents, expectedCount: 2 }), { code: 'PARKED_COUNT_DIFFERS' })
    deepEqual(await replayFromKafka(store, group, { toEvents, expectedCount: 1 }), { appended: 0, parked: 1 })
    const mended: IncomingEvents = ({ key, text }) => ({ streamId: `Payment-${key}`, type: 'Odd', data: text })
    const outcome = await replayFromKafka(store, group, { toEvents: mended, expectedCount: 1 })
    deepEqual(outcome, { appended: 1, parked: 0 })
    deepEqual(await dataOf(store, 'Payment-a'), [1, 3, 'nonsense'])
  })

  // A member that nobody hears of any more holds up the others for thirty seconds.
  it('says which sessions the broker takes', async () => {
    await using store = openStore({ engine: memory() })
    const running = begin(store, { topics: [await newTopic()], sessionMs: 10 })
    await rejects(running.done, { code: 'TARGET_FAILED', message: /sessionMs.*group\.min\.session\.timeout\.ms/ })
    for (const sessionMs of [9, 10.5, 2 ** 31])
      throws(() => begin(store, { topics: ['any'], sessionMs }), { code: 'INVALID_ARGUMENT', argument: 'sessionMs' })
  })

  it('shares the partitions with others who come and go, and appends each message once', {
    timeout: 180_000,
  }, async () => {
    await using store = openStore({ engine: memory() })
    const [topic, group] = [await newTopic(4), newName()]
    const keys = Array.from({ length: 40 }, (_, n) => `k${n}`)
    const members: RunningFromKafka[] = []
    for (let round = 0; round < 3; round++) {
      members.push(begin(store, { topics: [topic], group }))
      await send(
        topic,
        keys.map((key) => `${key} ${round}`),
      )
      await expect.poll(() => store.head(), { timeout: 40_000 }).toBe(keys.length * (round + 1))
      if (round === 1) await expect.poll(() => members[1]?.lag(), { timeout: 40_000 }).toBe(0)
      if (round === 1) await members.shift()?.stop()
    }
    await Promise.all(members.map((member) => member.stop()))
    for (const key of keys) deepEqual(await dataOf(store, `Payment-${key}`), [0, 1, 2])
  })
})
