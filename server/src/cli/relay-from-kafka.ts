import { type Command, InvalidArgumentError, Option } from 'commander'
import { isVarveError, systemClock } from 'varve'
import type { FromKafkaCounts, IncomingEvents, KafkaIncoming, MessageDecision, MessageFailure } from 'varve/kafka'
import { type ExitCode, exitCodes } from './failure.ts'
import { examples } from './help.ts'
import { type ClusterFlags, clusterOf, clusterOptions } from './kafka-options.ts'
import { duration } from './options.ts'
import { type Run, type Session, withStore } from './session.ts'
import { visible } from './visible.ts'

interface FromKafkaFlags extends ClusterFlags {
  readonly topics: readonly string[]
  readonly group: string
  readonly stream: string
  readonly type: string
  readonly from: 'earliest' | 'latest'
  readonly session?: number
  readonly onFailure: 'stop' | 'park_message'
}

/** `varve relay from-kafka`: a member of a consumer group. */
export function addRelayFromKafka(relay: Command, run: Run): void {
  const command = relay
    .command('from-kafka')
    .summary('append messages of Kafka as events until Ctrl-C, together with the rest of the group')
    .description(
      'Appends each message of some topics as an event, once, however often it is read. The value is the data: as JSON, or as ' +
        'bytes where it is none. Templates may name {topic}, {partition}, {key} and {header.<name>}; a message that lacks what ' +
        'they name cannot be appended. Needs the package @platformatic/kafka.',
    )
    .addOption(new Option('--topics <names>', 'topics, separated by commas').argParser(names).makeOptionMandatory())
    .requiredOption('--group <name>', 'the consumer group')
    .requiredOption('--stream <template>', "the stream, as in 'Payment-{key}'", template)
    .requiredOption('--type <template>', "the event type, as in PaymentTaken or '{header.type}'", template)
  clusterOptions(command)
    .addOption(
      new Option('--from <place>', 'where a new group begins').choices(['earliest', 'latest']).default('earliest'),
    )
    .option(
      '--session <time>',
      'others take over from a member without a sign of life after this (default: 30s)',
      duration,
    )
    .addOption(
      new Option('--on-failure <decision>', 'for a message that cannot be appended')
        .choices(['stop', 'park_message'])
        .default('stop'),
    )
  examples(command, [
    [
      'varve relay from-kafka --brokers k:9092 --topics payments --group shop --stream Payment-{key} --type Paid',
      'payments',
    ],
  ])
  command.action((flags: FromKafkaFlags) => run(command, (session) => takeIn(session, flags)))
}

function names(text: string): readonly string[] {
  return text.split(',').map((name) => name.trim())
}

const places = /\{(topic|partition|key|header\.[^{}]+)\}/g

function template(text: string): string {
  if (/[{}]/.test(text.replaceAll(places, ''))) {
    throw new InvalidArgumentError('Only {topic}, {partition}, {key} and {header.<name>} have a meaning.')
  }
  return text
}

async function takeIn(session: Session, flags: FromKafkaFlags): Promise<ExitCode | undefined> {
  const { signal } = session
  const { group, topics, from, session: sessionMs, onFailure } = flags
  const { appendFromKafka } = await import('varve/kafka')
  return withStore(session, 'existing', async (store) => {
    const running = appendFromKafka(store, {
      ...clusterOf(flags),
      ...{ group, topics, from, signal, toEvents: eventsBy(flags) },
      ...(sessionMs !== undefined && { sessionMs }),
      log: ({ level, text }) => void printLine(session, level, text),
      ...(onFailure === 'park_message' && { onFailure: parkUnlessPassing }),
    })
    await printLine(session, 'info', `Takes part in group ${group}. Ctrl-C ends it.`)
    await running.done
    await printLine(session, 'info', `Has ended: ${told(running.counts)}.`)
    return exitCodes.done
  })
}

/** What passes by itself is waited for all the same. */
function parkUnlessPassing({ error }: MessageFailure): MessageDecision {
  return isVarveError(error) && error.retryable ? { retryAfterMs: 1_000 } : 'park_message'
}

function told({ received, appended, repeated, parked }: FromKafkaCounts): string {
  return `${received} messages, ${appended} appended, ${repeated} were there already, ${parked} parked`
}

function eventsBy({ stream, type }: Pick<FromKafkaFlags, 'stream' | 'type'>): IncomingEvents {
  return (message) => ({ streamId: filled(stream, message), type: filled(type, message), ...dataOf(message) })
}

function filled(text: string, message: KafkaIncoming): string {
  return text.replaceAll(places, (place, name: string) => {
    const found = name.startsWith('header.') ? message.headers[name.slice('header.'.length)] : message[name as 'key']
    if (found === undefined || found === null) throw new TypeError(`It has no ${place}`)
    return String(found)
  })
}

function dataOf({ value, text }: KafkaIncoming): { readonly data: unknown } {
  if (value === null || text === null) return { data: null }
  try {
    return { data: JSON.parse(text) }
  } catch {
    return { data: value }
  }
}

async function printLine({ terminal, json }: Session, level: string, text: string): Promise<void> {
  const time = new Date(systemClock.now()).toISOString()
  await terminal.print(json ? JSON.stringify({ time, level, text }) : [time, level, text].map(visible).join('\t'))
  await terminal.flush()
}
