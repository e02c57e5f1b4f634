import { deepEqual, equal, match, ok, rejects, throws } from 'node:assert/strict'
import { describe, it } from 'vitest'
import { memory } from '../../engines/memory/index.ts'
import { openStore } from '../../open-store.ts'
import { codesOf } from './client.ts'
import { kafkaEnvelope } from './codec.ts'
import { isRefusal, translatedKafka } from './errors.ts'
import { messageOf } from './message.ts'
import { type KafkaRelayOptions, kafkaRelay } from './relay.ts'

const good: KafkaRelayOptions = { name: 'orders', brokers: ['127.0.0.1:9092'], topic: 'orders' }

describe('a relay', () => {
  it.each<[string, object]>([
    ['brokers', { brokers: [] }],
    ['brokers', { brokers: ['kafka'] }],
    ['name', { name: 'orders to/kafka' }],
    ['topic', { topic: 'orders and more' }],
    ['topic', { topic: 'x'.repeat(250) }],
    ['topic', { topic: undefined }],
    ['checkpointTopic', { checkpointTopic: '..' }],
    ['version', { version: 0 }],
    ['partitions', { partitions: 1.5 }],
    ['messageBytesMax', { messageBytesMax: -1 }],
    ['delivery', { delivery: 'at_most_once' }],
    ['codec', { codec: 'json' }],
    ['onFailure', { onFailure: 'park_event' }],
    ['sasl.mechanism', { sasl: { mechanism: 'GSSAPI', username: 'a', password: 'b' } }],
    ['filter', { filter: {} }],
  ])('refuses a wrong %s: %j', (argument, wrong) => {
    const store = openStore({ engine: memory() })
    throws(() => kafkaRelay(store, { ...good, ...wrong } as KafkaRelayOptions), { code: 'INVALID_ARGUMENT', argument })
  })

  it('refuses more partitions than there may be', () => {
    const store = openStore({ engine: memory() })
    throws(() => kafkaRelay(store, { ...good, partitions: 257 }), { code: 'LIMIT_EXCEEDED' })
  })

  it('refuses to be compared, before anything is published for it', async () => {
    const { generations } = kafkaRelay(openStore({ engine: memory() }), good).target
    const scratch = { projection: 'orders', generation: 1_500_000_000 }
    await rejects(async () => generations?.open(scratch), /is a relay/)
    throws(() => generations?.entries(scratch), { code: 'INVALID_ARGUMENT' })
  })
})

describe('a message', () => {
  async function message(bytesMax: number, codec = kafkaEnvelope) {
    await using store = openStore({ engine: memory() })
    await store.append('Order-ä', [{ type: 'Placed', data: {}, tags: ['a:1'], metadata: { userId: 'ada' } }])
    const event = await store.readStream('Order-ä').first()
    if (event === undefined) throw new Error('there is one')
    return messageOf(event, 'orders', codec, bytesMax)
  }

  it('has the stream as key and what identifies the event as headers', async () => {
    const { key, headers } = await message(1_000_000)
    equal(key.toString(), 'Order-ä')
    const {
      'varve-event-id': id,
      'varve-timestamp': time,
      ...rest
    } = Object.fromEntries([...headers].map(([name, value]) => [String(name), String(value)]))
    match(`${id} ${time}`, /^[0-9a-f-]{36} \d{4}-.*Z$/)
    deepEqual(rest, {
      ...{ 'content-type': 'application/json', 'varve-event-type': 'Placed', 'varve-version': '1' },
      ...{ 'varve-position': '1', 'varve-schema-version': '1', 'varve-user-id': 'ada', 'varve-tags': '["a:1"]' },
    })
  })

  it('is refused when it is too large, with what to do', async () => {
    await rejects(message(100), /event 1 \(Placed of Order-ä\) takes \d+ bytes.*messageBytesMax.*Raise it/)
  })

  it('may have headers of its own in place of these', async () => {
    const { headers } = await message(1_000_000, () => ({ value: 'x', headers: { 'varve-event-type': 'other' } }))
    const types = [...headers].filter(([name]) => String(name) === 'varve-event-type').map(([, value]) => String(value))
    deepEqual(types, ['other'])
  })
})

describe('an error of the client', () => {
  const nested = (fields: object): Error => new AggregateError([Object.assign(new Error('inner.'), fields)], 'outer')

  it('that passes makes the relay wait', () => {
    for (const fields of [
      { code: 'PLT_KFK_NETWORK' },
      { apiId: 'NOT_LEADER_OR_FOLLOWER' },
      { apiId: 'PRODUCER_FENCED' },
    ]) {
      equal((translatedKafka(nested(fields)) as { code: string }).code, 'TARGET_UNAVAILABLE')
    }
  })

  it('of a connection that broke during a login or a handshake passes', () => {
    const closed = nested({ code: 'PLT_KFK_AUTHENTICATION', cause: { code: 'PLT_KFK_NETWORK' } })
    const reset = nested({ code: 'PLT_KFK_USER', cause: { code: 'ECONNRESET' } })
    for (const error of [closed, reset]) {
      equal(isRefusal(error), false)
      equal((translatedKafka(error) as { code: string }).code, 'TARGET_UNAVAILABLE')
    }
    ok(isRefusal(nested({ apiId: 'SASL_AUTHENTICATION_FAILED' })))
  })

  it('that a person has to mend says what to do', () => {
    const translated = translatedKafka(nested({ apiId: 'MESSAGE_TOO_LARGE', code: 'PLT_KFK_PROTOCOL' })) as Error
    match(translated.message, /The kafka target failed: inner \(MESSAGE_TOO_LARGE\)\. Raise max\.message\.bytes/)
  })

  it('is known by everything that it contains', () => {
    const codes = codesOf(new Error('outer', { cause: nested({ code: 'A', apiId: 'B' }) }))
    deepEqual([...codes].toSorted(), ['A', 'B'])
  })
})
