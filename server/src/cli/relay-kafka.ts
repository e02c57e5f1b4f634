import { type Command, InvalidArgumentError, Option } from 'commander'
import { type FailureDecision, failureRules, isVarveError, type Query } from 'varve'
import type { KafkaRelayOptions, KafkaTopicOf } from 'varve/kafka'
import { addFilters, examples } from './help.ts'
import { type ClusterFlags, clusterOf, clusterOptions } from './kafka-options.ts'
import { type FilterOptions, portNumber, queryOf, refuseUsage, wholeNumber } from './options.ts'
import type { Run } from './session.ts'
import { runWorker, type Work, type WorkerFlags, workerOptions } from './worker.ts'

interface RelayFlags extends WorkerFlags, ClusterFlags, FilterOptions {
  readonly topic: string
  readonly name: string
  readonly format: 'envelope' | 'cloudevents'
  readonly source?: string
  readonly exactlyOnce?: boolean
  readonly checkpointTopic?: string
  readonly partitions?: number
  readonly relayVersion?: number
  readonly onFailure: 'stop' | 'park_event' | 'park_key'
  readonly messageBytesMax?: number
  readonly metricsPort?: number
  readonly metricsHost: string
}

/** `varve relay kafka`: a worker. */
export function addRelayKafka(relay: Command, run: Run): void {
  const command = relay
    .command('kafka')
    .summary('publish events to topics of Kafka until Ctrl-C, together with other workers')
    .description(
      'Publishes events to topics, which have to be there, with the id of the stream as key. Any number of workers over one ' +
        'store share the work; the others take over when one ends or dies. Needs the package @platformatic/kafka.',
    )
    .requiredOption('--topic <topic>', 'the topic; {category} and {type} stand for those of the event')
    .option('--name <name>', 'name of the relay and of its checkpoint', 'kafka')
  clusterOptions(command)
  addFilters(command)
  command
    .addOption(new Option('--format <format>', 'what messages carry').choices(formats).default('envelope'))
    .option('--source <uri>', 'with --format cloudevents: what the events come from')
    .option('--exactly-once', 'events and checkpoint in one transaction of Kafka, instead of at least once')
    .option('--checkpoint-topic <topic>', 'with --exactly-once: where checkpoints lie (default: varve-relays)')
    .option(
      '--partitions <count>',
      'workers that can share it; raise --relay-version with it (default: 1)',
      wholeNumber,
    )
    .option('--relay-version <number>', 'raise it to publish everything again (default: 1)', wholeNumber)
    .addOption(
      new Option('--on-failure <decision>', 'for an event that cannot be published').choices(decisions).default('stop'),
    )
    .option('--message-bytes-max <bytes>', 'the largest message (default: 1000000)', wholeNumber)
    .option('--metrics-port <port>', 'show numbers at /metrics, 0 for any port that is free', portNumber)
    .option('--metrics-host <address>', 'the address to show them at', '127.0.0.1')
  workerOptions(command)
  examples(command, [
    ['varve relay kafka --brokers 127.0.0.1:9092 --topic orders --category Order', 'a category'],
    ['varve relay kafka --brokers kafka-1:9092 --topic shop.{category} --exactly-once', 'a topic for each category'],
    [
      'varve relay kafka --brokers kafka-1:9092 --topic all --on-failure park_event',
      'and varve projections parked kafka',
    ],
  ])
  command.action((flags: RelayFlags) =>
    run(command, (session) =>
      runWorker(session, flags, async (store): Promise<Work> => {
        const { kafkaRelay } = await import('varve/kafka')
        const projections = [kafkaRelay(store, await relayOptions(flags))]
        if (flags.metricsPort === undefined) return { projections }
        const { serveMetrics } = await import('./metrics-port.ts')
        const place = { port: flags.metricsPort, host: flags.metricsHost }
        const beside = await serveMetrics(store, flags.name, place)
        return { projections, beside, says: `Numbers are at ${beside.url}.` }
      }),
    ),
  )
}

const formats = ['envelope', 'cloudevents']
const decisions = ['stop', 'park_event', 'park_key']

async function relayOptions(flags: RelayFlags): Promise<KafkaRelayOptions> {
  const { name, topic, format, source, exactlyOnce, checkpointTopic, partitions, relayVersion, messageBytesMax } = flags
  if (source !== undefined && format !== 'cloudevents') refuseUsage('--source goes together with --format cloudevents.')
  const { cloudEvents } = await import('varve/kafka')
  const filter = queryOf(flags) as Exclude<Query, readonly unknown[]> | undefined
  return {
    ...clusterOf(flags),
    name,
    topic: topicOf(topic),
    delivery: exactlyOnce === true ? 'exactly_once' : 'at_least_once',
    ...(filter !== undefined && { filter }),
    ...(format === 'cloudevents' && { codec: cloudEvents(source ?? `/varve/${name}`) }),
    ...(checkpointTopic !== undefined && { checkpointTopic }),
    ...(partitions !== undefined && { partitions }),
    ...(relayVersion !== undefined && { version: relayVersion }),
    ...(messageBytesMax !== undefined && { messageBytesMax }),
    ...(flags.onFailure !== 'stop' && { onFailure: deciding(flags.onFailure) }),
  }
}

/** What passes by itself is waited for all the same. */
function deciding(decide: FailureDecision) {
  return failureRules([
    { when: ({ error, event }) => event !== undefined && !(isVarveError(error) && error.retryable), decide },
  ])
}

function topicOf(template: string): string | KafkaTopicOf {
  if (/\{(?!category\}|type\})/.test(template))
    throw new InvalidArgumentError('Only {category} and {type} have a meaning.')
  if (!template.includes('{')) return template
  return ({ streamId, type }) => {
    if (streamId.startsWith('$')) return undefined
    const [category = ''] = streamId.split('-', 1)
    return template.replaceAll('{category}', () => category).replaceAll('{type}', () => type)
  }
}
