import { InvalidArgument } from '../../model/errors.ts'

/** Where a cluster of Kafka is, and how one gets in. */
export interface KafkaCluster {
  /** Some of its brokers, as in `['kafka-1:9092', 'kafka-2:9092']`; they know the others. */
  readonly brokers: readonly string[]
  /** Name of this client in the broker's logs and quotas. Default `'varve'`. */
  readonly clientId?: string | undefined
  /** Encryption: true for that of public certificates, or what `tls.connect` of Node takes. Default: none. */
  readonly tls?: true | object | undefined
  /** Who this client is. Default: nobody. */
  readonly sasl?: KafkaSasl | undefined
}

/** Name and password of a user of Kafka. */
export interface KafkaSasl {
  readonly mechanism: 'PLAIN' | 'SCRAM-SHA-256' | 'SCRAM-SHA-512'
  readonly username: string
  readonly password: string
}

/** How long a connection is tried for, and how long the broker may take for an answer, in milliseconds. */
const connectMs = 5_000
const requestMs = 30_000

/**
 * Attempts of one request, the first one included, and the pause between two of them, in milliseconds: long enough for a
 * broker that is started anew. What is sent again this way is sent under the same number, so that the broker drops repeats.
 */
const retriesMax = 20
const pauseMs = 500
/** The end of a transaction is answered before its marks are written; until then the next one is refused. */
const quickPauseMs = 10

/** What every client is made with. */
export function clientOptions({ brokers, clientId = 'varve', tls, sasl }: KafkaCluster): ClientOptions {
  return {
    clientId,
    bootstrapBrokers: [...brokers],
    connectTimeout: connectMs,
    requestTimeout: requestMs,
    timeout: requestMs,
    retries: retriesMax,
    retryDelay: (_client, _operation, attempt, _retries, error) =>
      isSoonOver(error) ? Math.min(quickPauseMs * attempt, pauseMs) : pauseMs,
    ...(tls !== undefined && { tls: tls === true ? {} : tls }),
    ...(sasl !== undefined && { sasl: { ...sasl } }),
  }
}

/** What every client of the package takes. */
export interface ClientOptions {
  readonly clientId: string
  readonly bootstrapBrokers: string[]
  readonly connectTimeout: number
  readonly requestTimeout: number
  readonly timeout: number
  readonly retries: number
  readonly retryDelay: (client: object, operation: string, attempt: number, retries: number, error: Error) => number
  readonly tls?: object
  readonly sasl?: KafkaSasl
}

/** @throws INVALID_ARGUMENT */
export function checkCluster({ brokers, sasl }: KafkaCluster): void {
  const isList = Array.isArray(brokers) && brokers.length > 0
  if (!isList || !brokers.every((broker) => typeof broker === 'string' && /^[^\s,]+:\d+$/.test(broker))) {
    throw new InvalidArgument('brokers', "is not a list of brokers, as in ['kafka-1:9092']")
  }
  if (sasl !== undefined && !['PLAIN', 'SCRAM-SHA-256', 'SCRAM-SHA-512'].includes(sasl.mechanism)) {
    throw new InvalidArgument('sasl.mechanism', 'is none of PLAIN, SCRAM-SHA-256 and SCRAM-SHA-512')
  }
}

/** @throws INVALID_ARGUMENT for what Kafka takes for no name of a topic. */
export function checkTopic(topic: unknown, argument: string): string {
  if (typeof topic !== 'string' || !/^[\w.-]{1,249}$/.test(topic) || topic === '.' || topic === '..') {
    throw new InvalidArgument(
      argument,
      `is ${JSON.stringify(topic)}: a topic is named by 1 to 249 of a-z, A-Z, 0-9, '.', '_' and '-'`,
    )
  }
  return topic
}

function isSoonOver(error: unknown): boolean {
  return codesOf(error).has('CONCURRENT_TRANSACTIONS')
}

/** Everything that an error of the client is said to be, by the names of Kafka's protocol, of the client and of Node. */
export function codesOf(error: unknown): ReadonlySet<string> {
  const codes = new Set<string>()
  const waiting: unknown[] = [error]
  for (let next = waiting.pop(); next !== undefined; next = waiting.pop()) {
    if (typeof next !== 'object' || next === null) continue
    const { apiId, code, cause, errors } = next as Partial<Record<'apiId' | 'code' | 'cause' | 'errors', unknown>>
    for (const name of [apiId, code]) if (typeof name === 'string') codes.add(name)
    waiting.push(cause, ...(Array.isArray(errors) ? errors : []))
  }
  return codes
}
