// A real Apache Kafka of its own for a test: one node, its own controller, in 256 MB.

import { execFileSync } from 'node:child_process'
import { cpSync, existsSync, mkdirSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { freePort, hireKeeper } from '../postgres/kept-server.ts'
import { isListening, type Killable, startKillable } from '../postgres/killable.ts'
import { serverFolder } from '../postgres/server-folder.ts'
import { identity } from '../postgres/unprivileged.ts'
import { kafkaJars } from './jars.ts'

/** A running broker. */
export interface KafkaBroker extends Killable {
  /** As in `127.0.0.1:9092`. */
  readonly address: string
}

/** How to start a broker. */
export interface KafkaBrokerOptions {
  /** Further settings, as in `server.properties`. */
  readonly settings?: Readonly<Record<string, string>>
  /** Starting quickly is what tests want, running quickly what measurements do. Default `'start'`. */
  readonly quickTo?: 'start' | 'run'
  /** Listeners beside its own, each on a port that is free. */
  readonly listeners?: readonly KafkaListener[]
}

/** A port that the broker listens on. */
export interface KafkaListener {
  /** In capitals. */
  readonly name: string
  readonly port: number
  /** The port that its clients are told: that of a proxy. Default: its own. */
  readonly advertisedPort?: number
  /** Default `'PLAINTEXT'`. */
  readonly protocol?: 'PLAINTEXT' | 'SASL_SSL'
}

const startMs = 60_000
const clusterId = 'dmFydmUtdGVzdC1jbHVzdA'

/** Starts one with nothing in it: some 5 seconds. */
export async function startKafka(options: KafkaBrokerOptions = {}): Promise<KafkaBroker> {
  const { settings = {}, quickTo = 'start', listeners = [] } = options
  const runner = identity('self')
  const folder = serverFolder('kafka', runner)
  const keeper = hireKeeper(folder, runner)
  const [port, controllerPort] = [await freePort(), await freePort()]
  const file = join(folder, 'server.properties')
  writeFileSync(file, properties({ port, controllerPort, logs: join(folder, 'logs'), listeners }, settings))
  cpSync(formatted(), join(folder, 'logs'), { recursive: true })
  // It opens its port when it has got everything else under way.
  const isUp = (): Promise<boolean> => isListening(port)
  const command = [...java(quickTo), 'kafka.Kafka', file]
  const server = await startKillable(keeper, { name: 'Kafka', command, isUp, startMs })
  return { ...server, address: `127.0.0.1:${port}` }
}

function java(quickTo: 'start' | 'run'): readonly string[] {
  const quick = quickTo === 'start' ? ['-XX:TieredStopAtLevel=1', '-XX:+UseSerialGC'] : []
  // Without -Xrs a quit signal would print threads instead of ending it.
  return ['java', '-Xrs', '-Xms128m', '-Xmx256m', '-Xss512k', ...quick, ...logging, '-cp', kafkaJars.classPath]
}

const logging = ['-Dorg.slf4j.simpleLogger.defaultLogLevel=error']

interface Place {
  readonly port: number
  readonly controllerPort: number
  readonly logs: string
  readonly listeners: readonly KafkaListener[]
}

function properties(place: Place, settings: Readonly<Record<string, string>>): string {
  const { port, controllerPort, logs } = place
  const listeners = [{ name: 'PLAINTEXT', port }, ...place.listeners]
  const at = (name: string, listens: number): string => `${name}://127.0.0.1:${listens}`
  const own: Readonly<Record<string, string | number | boolean>> = {
    'process.roles': 'broker,controller',
    'node.id': 1,
    'controller.quorum.voters': `1@127.0.0.1:${controllerPort}`,
    listeners: [...listeners, { name: 'CONTROLLER', port: controllerPort }].map((one) => at(one.name, one.port)).join(),
    'advertised.listeners': listeners.map((one) => at(one.name, one.advertisedPort ?? one.port)).join(),
    'controller.listener.names': 'CONTROLLER',
    'inter.broker.listener.name': 'PLAINTEXT',
    'listener.security.protocol.map': [...listeners, { name: 'CONTROLLER' }]
      .map(({ name, protocol = 'PLAINTEXT' }: Partial<KafkaListener>) => `${name}:${protocol}`)
      .join(),
    'log.dirs': logs,
    // A topic that nobody made is a mistake that a test shall see.
    'auto.create.topics.enable': false,
    'num.network.threads': 2,
    'num.io.threads': 2,
    'background.threads': 2,
    'log.cleaner.dedupe.buffer.size': 4_194_304,
    'offsets.topic.replication.factor': 1,
    'offsets.topic.num.partitions': 2,
    'transaction.state.log.replication.factor': 1,
    'transaction.state.log.min.isr': 1,
    'transaction.state.log.num.partitions': 2,
    'group.initial.rebalance.delay.ms': 0,
    // After a crash it is let in again when nobody has heard of it for this long.
    'broker.session.timeout.ms': 2_000,
    'broker.heartbeat.interval.ms': 500,
    ...settings,
  }
  return Object.entries(own)
    .map(([name, value]) => `${name}=${value}\n`)
    .join('')
}

/** An empty, formatted log folder, which is made once: formatting takes as long as a start does. */
function formatted(): string {
  const kept = join(kafkaJars.cache, 'formatted')
  if (existsSync(kept)) return kept
  const making = `${kept}.${process.pid}`
  mkdirSync(making, { recursive: true })
  const file = `${making}.properties`
  writeFileSync(file, properties({ port: 9092, controllerPort: 9093, logs: making, listeners: [] }, {}))
  const format = ['kafka.tools.StorageTool', 'format', '--cluster-id', clusterId, '--config', file]
  execFileSync('java', [...java('start').slice(1), ...format], { stdio: ['ignore', 'ignore', 'pipe'] })
  try {
    renameSync(making, kept)
  } catch (error) {
    // Another test file was faster.
    rmSync(making, { recursive: true })
    if (!existsSync(kept)) throw error
  }
  rmSync(file)
  return kept
}
