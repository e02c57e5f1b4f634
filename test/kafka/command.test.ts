import { join } from 'node:path'
import { openStore } from 'varve'
import { sqlite } from 'varve/sqlite'
import { afterAll, afterEach, describe, expect, it } from 'vitest'
import { type Running, start, temporaryFolder, varve } from '../cli/varve.ts'
import { run } from '../packed/pack.ts'
import { onKafka } from './on-kafka.ts'
import { createTopic, readTopic } from './topics.ts'

const folder = temporaryFolder()
afterAll(folder.remove)
const running: Running[] = []
afterEach(async () => {
  for (const { child, ended } of running.splice(0)) {
    child.kill('SIGTERM')
    await ended
  }
})

async function append(store: string, ...types: readonly string[]): Promise<void> {
  await using opened = openStore({ engine: sqlite({ path: join(folder.path, `${store}.db`) }) })
  for (const type of types)
    await opened.append(`${type.split('.')[0]}-1`, [{ type: type.split('.')[1] ?? '', data: {} }])
}

function relay(store: string, words: readonly string[]): Running {
  const worker = start(folder.path, ['relay', 'kafka', '--store', `sqlite:${store}.db`, '--lease', '2s', ...words])
  running.push(worker)
  return worker
}

onKafka(({ broker, newName }) => {
  it('publishes until it is asked to end, shows numbers, and gives back what it ran', async () => {
    const topic = newName()
    await createTopic(broker().address, `${topic}.Order`)
    await append(topic, 'Order.Placed', 'Note.Noted', 'Order.Paid')
    const words = ['--brokers', broker().address, '--topic', `${topic}.{category}`, '--category', 'Order']
    const worker = relay(topic, [...words, '--name', topic, '--exactly-once', '--metrics-port', '0'])
    const url = /Numbers are at (\S+)\./.exec(await worker.printed(/Numbers are at/))?.[1] ?? ''
    const numbers = async (): Promise<string> => (await fetch(url)).text()
    await expect.poll(numbers).toMatch(/^varve_projection_events_total\{.*\} 2$/m)
    await expect.poll(numbers).toMatch(/^varve_projection_lag_events\{.*\} 0$/m)
    const found = await readTopic(broker().address, `${topic}.Order`)
    expect(found.map(({ headers }) => headers['varve-event-type'])).toEqual(['Placed', 'Paid'])
    worker.child.kill('SIGTERM')
    const { code, stdout, stderr } = await worker.ended
    expect([code, stderr]).toEqual([0, ''])
    expect(stdout).toMatch(/Given back at position 3\.\n/)
  })

  it('parks what cannot be published, if told to', async () => {
    const topic = newName()
    await createTopic(broker().address, topic)
    await append(topic, 'Order.Placed', 'Order.Tört', 'Order.Paid')
    const words = ['--brokers', broker().address, '--topic', '{type}', '--on-failure', 'park_event']
    const worker = relay(topic, [...words, '--name', topic])
    expect(await worker.printed(/Event 2 .* is parked/)).toMatch(/topic is "Tört": a topic is named by/)
  })

  it('takes messages in, each once, and says how many', async () => {
    const topic = newName()
    await createTopic(broker().address, topic)
    await append(topic, 'Order.Placed', 'Order.Paid')
    const at = ['--brokers', broker().address]
    const out = relay(topic, [...at, '--topic', topic, '--name', topic])
    await expect.poll(async () => (await readTopic(broker().address, topic)).length).toBe(2)
    out.child.kill('SIGTERM')
    await out.ended
    const templates = ['--stream', 'Copy-{key}', '--type', '{header.varve-event-type}']
    const member = ['--group', topic, '--session', '10s']
    const words = ['relay', 'from-kafka', ...at, '--topics', topic, ...member, ...templates]
    const taking = start(folder.path, [...words, '--store', `sqlite:${topic}.db`])
    running.push(taking)
    const copied = () => varve(folder.path, ['read', 'Copy-Order-1', '--store', `sqlite:${topic}.db`])
    await expect.poll(async () => (await copied()).stdout.match(/Placed|Paid/g), { timeout: 20_000 }).toHaveLength(4)
    taking.child.kill('SIGTERM')
    expect((await taking.ended).stdout).toMatch(/2 messages, 2 appended, 0 were there already, 0 parked\.\n$/)
  })

  it('says what the brokers say of a session that is none of theirs', async () => {
    const topic = newName()
    await createTopic(broker().address, topic)
    const words = ['--brokers', broker().address, '--topics', topic, '--group', topic, '--session', '10ms']
    await append('short', 'Order.Placed')
    const templates = ['--stream', 'Copy-{key}', '--type', 'Taken', '--store', 'sqlite:short.db']
    const { code, stderr } = await varve(folder.path, ['relay', 'from-kafka', ...words, ...templates])
    expect(code).toBe(1)
    expect(stderr).toContain('group.min.session.timeout.ms')
  })

  it('is shown by an example', async () => {
    const { code, output } = await run(
      'env',
      [`VARVE_KAFKA_BROKERS=${broker().address}`, ...['node', join(import.meta.dirname, '../../examples/19-kafka.ts')]],
      folder.path,
    )
    expect(code, output).toBe(0)
    expect(output).toMatch(/Published up to 6, 0 events behind, 2 put aside/)
  })
})

describe('varve relay kafka', () => {
  it.each<[readonly string[], RegExp]>([
    [['--brokers', 'kafka', '--topic', 'a'], /addresses and ports/],
    [['--brokers', 'k:9092', '--topic', 'a b'], /a topic is named by/],
    [['--brokers', 'k:9092', '--topic', '{stream}'], /Only \{category\} and \{type\}/],
    [['--brokers', 'k:9092', '--topic', 'a', '--source', '/shop'], /--format cloudevents/],
    [['--brokers', 'k:9092', '--topic', 'a', '--sasl-username', 'ada'], /go together/],
  ])('refuses %j', async (words, says) => {
    await append('refused', 'Order.Placed')
    const ended = await varve(folder.path, ['relay', 'kafka', '--store', 'sqlite:refused.db', ...words])
    expect([ended.code, ended.stdout]).toEqual([2, ''])
    expect(ended.stderr).toMatch(says)
  })
})
