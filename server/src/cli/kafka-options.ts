import { type Command, InvalidArgumentError, Option } from 'commander'
import type { KafkaCluster, KafkaSasl } from 'varve/kafka'
import { refuseUsage } from './options.ts'

/** Where a cluster of Kafka is. */
export interface ClusterFlags {
  readonly brokers: readonly string[]
  readonly clientId?: string
  readonly tls?: boolean
  readonly saslMechanism?: KafkaSasl['mechanism']
  readonly saslUsername?: string
}

/** Adds them to a command. */
export function clusterOptions(command: Command): Command {
  return command
    .addOption(
      new Option('--brokers <addresses>', 'some of the brokers, as in kafka-1:9092,kafka-2:9092')
        .env('VARVE_KAFKA_BROKERS')
        .argParser(addresses)
        .makeOptionMandatory(),
    )
    .option('--client-id <name>', "name of this client in the brokers' logs and quotas (default: varve)")
    .option('--tls', 'speak TLS; NODE_EXTRA_CA_CERTS names a certificate of your own')
    .addOption(
      new Option('--sasl-mechanism <name>', 'how to log in; the password is in VARVE_KAFKA_PASSWORD').choices([
        'PLAIN',
        'SCRAM-SHA-256',
        'SCRAM-SHA-512',
      ]),
    )
    .option('--sasl-username <name>', 'who logs in')
}

/** The cluster that flags name. */
export function clusterOf({ brokers, clientId, tls, saslMechanism, saslUsername }: ClusterFlags): KafkaCluster {
  const password = process.env.VARVE_KAFKA_PASSWORD
  if ((saslMechanism === undefined) !== (saslUsername === undefined)) {
    refuseUsage('--sasl-mechanism and --sasl-username go together.')
  }
  const isLogin = saslMechanism !== undefined && saslUsername !== undefined
  if (isLogin && password === undefined) refuseUsage('Give the password in VARVE_KAFKA_PASSWORD.')
  return {
    brokers,
    ...(clientId !== undefined && { clientId }),
    ...(tls === true && { tls }),
    ...(isLogin && { sasl: { mechanism: saslMechanism, username: saslUsername, password: password ?? '' } }),
  }
}

function addresses(text: string): readonly string[] {
  const brokers = text.split(',').map((broker) => broker.trim())
  if (!brokers.every((broker) => /^[^\s:]+:\d+$|^\[[^\]]+\]:\d+$/.test(broker))) {
    throw new InvalidArgumentError('Give addresses and ports, as in kafka-1:9092,kafka-2:9092.')
  }
  return brokers
}
