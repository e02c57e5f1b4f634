// Another implementation of Kafka's protocol beside the client that Varve uses: librdkafka, by its command kcat.

import { deepEqual, equal } from 'node:assert/strict'
import { spawn, spawnSync } from 'node:child_process'
import { text } from 'node:stream/consumers'
import { memory, openStore, runProjections } from 'varve'
import { appendFromKafka, kafkaRelay } from 'varve/kafka'
import { describe, expect, it } from 'vitest'
import { sayWhy } from '../postgres/on-postgres.ts'
import { onKafka } from './on-kafka.ts'
import { createTopic } from './topics.ts'

const whyNot = spawnSync('kcat', ['-V']).status === 0 ? undefined : 'kcat is not installed; .ci/run does it'

/** A message as kcat prints it. */
interface Printed {
  readonly partition: number
  readonly offset: number
  readonly key: string
  readonly payload: string
  /** Names and values in turn. */
  readonly headers: readonly string[]
}

/** Runs kcat with input, and gives what it prints. */
async function kcat(words: readonly string[], input = ''): Promise<string> {
  const child = spawn('kcat', words, { stdio: ['pipe', 'pipe', 'pipe'] })
  const ended = new Promise((resolve) => child.on('close', resolve))
  child.stdin.end(input)
  const [stdout, stderr, code] = await Promise.all([text(child.stdout), text(child.stderr), ended])
  equal(code, 0, stderr)
  return stdout
}

onKafka(({ broker, newName }) => {
  describe.skipIf(sayWhy(whyNot) !== undefined)('librdkafka', () => {
    const headerOf = ({ headers }: Printed, name: string) => headers[headers.indexOf(name) + 1]

    async function printed(topic: string): Promise<readonly Printed[]> {
      const from = ['-C', '-b', broker().address, '-t', topic, '-o', 'beginning', '-e', '-q', '-J']
      const lines = await kcat([...from, '-X', 'isolation.level=read_committed', '-X', 'check.crcs=true'])
      return lines
        .split('\n')
        .filter((line) => line !== '')
        .map((line) => JSON.parse(line))
    }

    it.each(['at_least_once', 'exactly_once'] as const)('reads what a relay published %s', async (delivery) => {
      await using store = openStore({ engine: memory() })
      const [topic, name] = [newName(), newName()]
      await createTopic(broker().address, topic, { partitions: 3 })
      for (let n = 0; n < 300; n++) {
        const metadata = { correlationId: `c-${n}` }
        await store.append(`Order-${n % 7}`, [{ type: 'OrderPlaced', data: { n, note: '☃' }, metadata }])
      }
      const relay = kafkaRelay(store, { name, topic, delivery, brokers: [broker().address] })
      await using running = runProjections(store, [relay], { log: () => undefined })
      await running.waitFor(relay.name, await store.head())
      await running.stop()
      await relay.target.close()
      // A transaction is answered before its marks are written, and read when they are.
      await expect.poll(async () => (await printed(topic)).length).toBe(300)
      for (const [key, found] of Map.groupBy(await printed(topic), (message) => message.key)) {
        const events = await store.readStream(key).toArray()
        deepEqual(
          found.map((message) => [headerOf(message, 'varve-event-id'), headerOf(message, 'varve-correlation-id')]),
          events.map(({ id, data }) => [id, `c-${(data as { n: number }).n}`]),
        )
        deepEqual(
          found.map(({ payload }) => JSON.parse(payload).data),
          events.map(({ data }) => data),
        )
      }
    })

    it.each(['none', 'gzip', 'snappy', 'lz4', 'zstd'])(
      'has its messages taken in, compressed by %s',
      async (compression) => {
        await using store = openStore({ engine: memory() })
        const topic = newName()
        await createTopic(broker().address, topic)
        const lines = Array.from({ length: 100 }, (_, n) => `k${n % 3}:${JSON.stringify({ n, note: '☃'.repeat(20) })}`)
        const to = ['-P', '-b', broker().address, '-t', topic, '-K', ':', '-H', 'trace=abc', '-z', compression]
        await kcat([...to, '-X', 'enable.idempotence=true'], `${lines.join('\n')}\n`)
        await using running = appendFromKafka(store, {
          ...{ brokers: [broker().address], group: newName(), topics: [topic] },
          toEvents: ({ key, text: value, headers }) => ({
            ...{ streamId: `In-${key}`, type: 'Came', data: JSON.parse(value ?? 'null') },
            metadata: { correlationId: headers.trace ?? 'none' },
          }),
        })
        await expect.poll(() => running.counts.appended).toBe(100)
        await running.stop()
        for (const key of ['k0', 'k1', 'k2']) {
          const events = await store.readStream(`In-${key}`).toArray()
          deepEqual(
            events.map(({ data }) => `${key}:${JSON.stringify(data)}`),
            lines.filter((line) => line.startsWith(key)),
          )
          equal(events[0]?.metadata.correlationId, 'abc')
        }
      },
    )
  })
})
