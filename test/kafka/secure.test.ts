import { deepEqual, doesNotMatch, equal, rejects } from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { inspect } from 'node:util'
import { memory, openStore, runProjections } from 'varve'
import { appendFromKafka, type KafkaCluster, kafkaRelay } from 'varve/kafka'
import { sqlite } from 'varve/sqlite'
import { afterAll, expect, it } from 'vitest'
import { start, temporaryFolder } from '../cli/varve.ts'
import { onSecureKafka } from './on-kafka.ts'
import { ada } from './secure-broker.ts'
import { createTopic, readTopic } from './topics.ts'

const folder = temporaryFolder()
afterAll(folder.remove)

const wrong = { username: 'ada', password: 'not the right secret' }

onSecureKafka(({ broker, secure, newName }) => {
  const tls = () => ({ ca: readFileSync(secure().caFile, 'utf8') })

  async function newTopic(): Promise<string> {
    const topic = newName()
    await createTopic(broker().address, topic)
    return topic
  }

  it.each(['PLAIN', 'SCRAM-SHA-512'] as const)(
    'publishes and takes in over TLS, logged in with %s',
    async (mechanism) => {
      await using store = openStore({ engine: memory() })
      const cluster: KafkaCluster = { brokers: [secure().address], tls: tls(), sasl: { mechanism, ...ada } }
      const topic = await newTopic()
      await store.append('Order-1', [{ type: 'OrderPlaced', data: 7 }])
      const relay = kafkaRelay(store, { name: topic, topic, delivery: 'exactly_once', ...cluster })
      await using running = runProjections(store, [relay], { log: () => undefined })
      await running.waitFor(topic, 1)
      await running.stop()
      await relay.target.close()
      await using copy = openStore({ engine: memory() })
      const toEvents = () => ({ streamId: 'Copy-1', type: 'Copied', data: {} })
      await using taking = appendFromKafka(copy, { ...cluster, group: topic, topics: [topic], toEvents })
      await expect.poll(() => taking.counts.appended).toBe(1)
    },
  )

  it.each<[string, () => KafkaCluster, RegExp]>([
    [
      'a wrong password, by PLAIN',
      () => ({ brokers: [secure().address], tls: tls(), sasl: { mechanism: 'PLAIN', ...wrong } }),
      /Give the right name and password/,
    ],
    [
      'a wrong password, by SCRAM',
      () => ({ brokers: [secure().address], tls: tls(), sasl: { mechanism: 'SCRAM-SHA-512', ...wrong } }),
      /Give the right name and password/,
    ],
    [
      'a mechanism that is not offered',
      () => ({ brokers: [secure().address], tls: tls(), sasl: { mechanism: 'SCRAM-SHA-256', ...wrong } }),
      /Give a mechanism that the broker offers/,
    ],
    [
      'an authority that nobody knows',
      () => ({ brokers: [secure().address], tls: true, sasl: { mechanism: 'PLAIN', ...wrong } }),
      /Name its authority with tls: \{ ca \}/,
    ],
    [
      'a login in the clear where TLS is spoken',
      () => ({ brokers: [secure().address], sasl: { mechanism: 'PLAIN', ...wrong } }),
      /Broker requires TLS/,
    ],
    ['no TLS where it is spoken', () => ({ brokers: [secure().address] }), /Broker requires TLS/],
    [
      'a login where there is none',
      () => ({ brokers: [broker().address], sasl: { mechanism: 'PLAIN', ...wrong } }),
      /Leave sasl out/,
    ],
  ])('stops at %s, and says what to do', async (_, cluster, says) => {
    await using store = openStore({ engine: memory() })
    await store.append('Order-1', [{ type: 'OrderPlaced', data: 7 }])
    const topic = newName()
    const printed: unknown[] = []
    const log = (line: unknown): void => void printed.push(line)
    const relay = kafkaRelay(store, { name: topic, topic, delivery: 'exactly_once', ...cluster() })
    await using running = runProjections(store, [relay], { log })
    await rejects(running.waitFor(topic, 1), { code: 'PROJECTION_STOPPED', message: says })
    await relay.target.close()
    const taking = appendFromKafka(store, {
      ...cluster(),
      group: topic,
      topics: [topic],
      toEvents: () => undefined,
      log,
    })
    const failure = await taking.done.catch((error: unknown) => error)
    equal((failure as { code?: string }).code, 'TARGET_FAILED')
    expect(String(failure)).toMatch(says)
    doesNotMatch(inspect([printed, failure], { depth: 20 }), new RegExp(wrong.password))
  })

  it('is logged in to by a command, whose password is in the environment', async () => {
    const topic = await newTopic()
    {
      await using store = openStore({ engine: sqlite({ path: join(folder.path, 'shop.db') }) })
      await store.append('Order-1', [{ type: 'OrderPlaced', data: 7 }])
    }
    const login = ['--tls', '--sasl-mechanism', 'SCRAM-SHA-512', '--sasl-username', ada.username]
    const words = [
      'relay',
      'kafka',
      '--store',
      'sqlite:shop.db',
      '--brokers',
      secure().address,
      '--topic',
      topic,
      ...login,
    ]
    const env = { VARVE_KAFKA_PASSWORD: ada.password, NODE_EXTRA_CA_CERTS: secure().caFile }
    const { child, ended } = start(folder.path, words, { env })
    await expect.poll(async () => (await readTopic(broker().address, topic)).length).toBe(1)
    child.kill('SIGTERM')
    const { code, stdout, stderr } = await ended
    deepEqual([code, stderr], [0, ''])
    doesNotMatch(stdout, new RegExp(ada.password))
  })
})
