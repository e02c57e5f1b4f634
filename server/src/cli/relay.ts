import type { Command } from 'commander'
import { examples } from './help.ts'
import { addRelayFromKafka } from './relay-from-kafka.ts'
import { addRelayKafka } from './relay-kafka.ts'
import type { Run } from './session.ts'

/** `varve relay`: to other systems, and from them. */
export function addRelay(program: Command, run: Run): void {
  const relay = program
    .command('relay')
    .summary('publish events to Kafka, and take messages in')
    .description(
      'Publishes the log, or a part of it, to another system, and takes in what that one has to say. A relay is a projection ' +
        'whose read model lies there: varve projections shows how it is doing, pauses it, and replays what it has parked.',
    )
  examples(relay, [['varve relay kafka --brokers kafka-1:9092 --topic orders', 'a worker; start as many as you like']])
  addRelayKafka(relay, run)
  addRelayFromKafka(relay, run)
}
