// A relay of a file that is appended to meanwhile, while it and the broker are killed. For long runs: VARVE_KAFKA_EVENTS
// (3,000 unless told otherwise), VARVE_KAFKA_KILLS (2), VARVE_KAFKA_SEED. Each stretch between kills, events / (kills + 1), is to
// be a multiple of 20.

import { deepEqual, equal, ok } from 'node:assert/strict'
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import type { Readable } from 'node:stream'
import { fileURLToPath } from 'node:url'
import { Producer } from '@platformatic/kafka'
import { type EventStore, memory, openStore, projectionStatus } from 'varve'
import { appendFromKafka } from 'varve/kafka'
import { sqlite } from 'varve/sqlite'
import { afterAll, it } from 'vitest'
import { seeded } from '../../store/src/conformance/seeded.ts'
import { temporaryFolder } from '../cli/varve.ts'
import { onOwnKafka } from './on-kafka.ts'
import type { RelayEnd, RelayLife } from './relay-until-killed.ts'
import { createTopic, type Found, readTopic } from './topics.ts'
import { until } from './until.ts'

const events = Number(process.env.VARVE_KAFKA_EVENTS ?? 3_000)
const kills = Number(process.env.VARVE_KAFKA_KILLS ?? 2)
const seed = Number(process.env.VARVE_KAFKA_SEED ?? Date.now() % 1_000_000)
const timeout = 60_000 + events * 10 + kills * 20_000
const streams = 20
const leaseMs = 800
/** A long run shows that it goes on. */
const isLong = events > 10_000

const folder = temporaryFolder()
afterAll(folder.remove)
const program = fileURLToPath(new URL('./relay-until-killed.ts', import.meta.url))

/** A relay in a process of its own. */
function begin(life: RelayLife): ChildProcess {
  return spawn(process.execPath, [program, JSON.stringify(life)], {
    stdio: ['ignore', 'pipe', isLong ? 'inherit' : 'ignore'],
  })
}

async function endOf(child: ChildProcess): Promise<void> {
  if (child.exitCode === null && child.signalCode === null) await once(child, 'exit')
}

async function append(store: EventStore, count: number): Promise<void> {
  for (let done = 0; done < count; done += streams) {
    const writes = Array.from({ length: Math.min(streams, count - done) }, (_, n) => ({
      streamId: `Order-${n}`,
      events: [{ type: 'OrderPlaced', data: { total: done + n } }],
    }))
    await store.appendAll(writes)
  }
}

/** Every version of every stream is there, and none was seen before the one it follows. */
function everythingInOrder(found: readonly Found[]): void {
  const byStream = Map.groupBy(found, ({ key }) => key)
  equal(byStream.size, streams)
  for (const [key, messages] of byStream) {
    let last = 0
    for (const { headers } of messages) {
      const version = Number(headers['varve-version'])
      ok(version <= last + 1, `${key} has version ${version} after ${last}`)
      last = Math.max(last, version)
    }
    equal(last, events / streams)
  }
}

onOwnKafka(({ broker, newName }) => {
  async function lifeOf(delivery: RelayLife['delivery'], partitions: number): Promise<RelayLife> {
    const name = newName()
    await createTopic(broker().address, name, { partitions: 3 })
    const place = { store: join(folder.path, `${name}.db`), topic: name, name, delivery, partitions, leaseMs }
    return { ...place, brokers: [broker().address] }
  }

  for (const delivery of ['at_least_once', 'exactly_once'] as const) {
    it(`relays ${delivery} through ${kills} kills of relay and broker (seed ${seed})`, { timeout }, async () => {
      const random = seeded(seed)
      const life = await lifeOf(delivery, 2)
      await using store = openStore({ engine: sqlite({ path: life.store }) })
      const moments = ['before', 'during', 'after'] as const
      await append(store, events / (kills + 1))
      for (let kill = 0; kill < kills; kill++) {
        const appending = append(store, events / (kills + 1))
        if (kill % 2 === 0) {
          const end: RelayEnd = { atSend: 1 + random.below(6), moment: random.pick(moments), signal: 'SIGKILL' }
          await endOf(begin({ ...life, end }))
        } else {
          const relay = begin(life)
          await until(async () => (await positionOf(store, life.name)) > 0)
          await broker().crash()
          await appending
          await until(async () => (await positionOf(store, life.name)) >= (await store.head()))
          relay.kill('SIGKILL')
          await endOf(relay)
        }
        await appending
        if (isLong)
          process.stderr.write(`${delivery}: killed ${kill + 1} times, at ${await positionOf(store, life.name)}\n`)
      }
      const relay = begin(life)
      await until(async () => (await positionOf(store, life.name)) >= events)
      relay.kill('SIGTERM')
      await endOf(relay)
      const committed = (await readTopic(broker().address, life.topic)).filter(({ isCommitted }) => isCommitted)
      everythingInOrder(committed)
      if (delivery === 'exactly_once') equal(committed.length, events)
      process.stderr.write(
        `${delivery}: ${committed.length} messages for ${events} events, ${kills} kills, seed ${seed}\n`,
      )
    })
  }

  it('takes messages in on both sides of a crash of the broker', { timeout }, async () => {
    await using store = openStore({ engine: memory() })
    const topic = newName()
    await createTopic(broker().address, topic)
    const place = { clientId: 'test', bootstrapBrokers: [broker().address], retries: 20, retryDelay: 100 }
    const send = async (value: string): Promise<void> => {
      const producer = new Producer({ ...place, idempotent: true })
      await producer.send({ messages: [{ topic, key: Buffer.from('a'), value: Buffer.from(value) }] })
      await producer.close()
    }
    await send('1')
    const toEvents = ({ text }: { readonly text: string | null }) => ({
      streamId: 'Copy-1',
      type: 'Copied',
      data: text,
    })
    const from = { brokers: [broker().address], group: topic, topics: [topic] }
    await using running = appendFromKafka(store, { ...from, toEvents, log: () => undefined })
    await until(async () => (await running.lag()) === 0)
    await broker().crash()
    await send('2')
    await until(async () => running.counts.appended >= 2)
    equal(running.counts.appended, 2)
  })

  it('shuts out a relay that slept through its lease, in the middle of a transaction', { timeout }, async () => {
    const life = await lifeOf('exactly_once', 1)
    await using store = openStore({ engine: sqlite({ path: life.store }) })
    await append(store, events)
    const sleeper = begin({ ...life, end: { atSend: 4, moment: 'after', signal: 'SIGSTOP' } })
    await once(sleeper.stdout as Readable, 'data')
    const other = begin(life)
    await until(async () => (await positionOf(store, life.name)) >= events)
    sleeper.kill('SIGCONT')
    await append(store, streams)
    await until(async () => (await positionOf(store, life.name)) >= events + streams)
    for (const child of [sleeper, other]) child.kill('SIGTERM')
    await Promise.all([sleeper, other].map(endOf))
    const found = await readTopic(broker().address, life.topic)
    const committed = found.filter(({ isCommitted }) => isCommitted)
    equal(committed.length, events + streams)
    // What the sleeper had sent is there, and is not to be seen.
    ok(found.length > committed.length)
    deepEqual(new Set(committed.map(({ headers }) => headers['varve-event-id'])).size, events + streams)
  })
})

async function positionOf(store: EventStore, name: string): Promise<number> {
  try {
    return (await projectionStatus(store, name)).position
  } catch {
    return 0
  }
}
