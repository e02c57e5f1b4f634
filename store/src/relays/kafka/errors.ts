import { isVarveError } from '../../model/errors.ts'
import { TargetFailed, TargetUnavailable } from '../../model/target-errors.ts'
import { codesOf } from './client.ts'

const trust = 'Name its authority with tls: { ca }, for a command with NODE_EXTRA_CA_CERTS'

/** What is wrong with how a connection is made, by the codes of Node and of the client. */
const refusals: Readonly<Record<string, string>> = {
  SELF_SIGNED_CERT_IN_CHAIN: trust,
  DEPTH_ZERO_SELF_SIGNED_CERT: trust,
  UNABLE_TO_GET_ISSUER_CERT: trust,
  UNABLE_TO_GET_ISSUER_CERT_LOCALLY: trust,
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: trust,
  CERT_HAS_EXPIRED: 'Renew the certificate of the broker',
  CERT_NOT_YET_VALID: 'Set the clocks of the broker and of this machine',
  ERR_TLS_CERT_ALTNAME_INVALID: 'Name the broker as its certificate does',
  ERR_SSL_WRONG_VERSION_NUMBER: 'Leave tls out, or name a port of the broker that speaks TLS',
  ERR_SSL_PACKET_LENGTH_TOO_LONG: 'Leave tls out, or name a port of the broker that speaks TLS',
  UNSUPPORTED_SASL_MECHANISM: 'Give a mechanism that the broker offers',
  ILLEGAL_SASL_STATE: 'Leave sasl out, or name a port of the broker where one logs in',
  SASL_AUTHENTICATION_FAILED: 'Give the right name and password',
}

/** What no repeating mends, by its name in Kafka's protocol, and what a person can do about it. */
const advice: Readonly<Record<string, string>> = {
  ...refusals,
  MESSAGE_TOO_LARGE: 'Raise max.message.bytes of the topic, or publish a claim instead of what is large',
  RECORD_LIST_TOO_LARGE: 'Raise segment.bytes of the topic, or publish a claim instead of what is large',
  INVALID_RECORD: 'The topic takes other records than these: look at its settings',
  UNKNOWN_TOPIC_OR_PARTITION: 'Create the topic; nothing here does it',
  INVALID_TOPIC_EXCEPTION: 'Give another name to the topic',
  TOPIC_AUTHORIZATION_FAILED: 'Give the user the right to write to the topic, and to describe it',
  CLUSTER_AUTHORIZATION_FAILED: 'Give the user the right IdempotentWrite on the cluster',
  GROUP_AUTHORIZATION_FAILED: 'Give the user the right to read for the group',
  TRANSACTIONAL_ID_AUTHORIZATION_FAILED: 'Give the user the rights Write and Describe on the transactional id',
  INVALID_SESSION_TIMEOUT:
    'Give a sessionMs within group.min.session.timeout.ms and group.max.session.timeout.ms of the broker',
  INVALID_TRANSACTION_TIMEOUT: 'Raise transaction.max.timeout.ms of the broker to 30 seconds at least',
  UNSUPPORTED_VERSION: 'Use Kafka 3.5 or later',
  PLT_KFK_UNSUPPORTED_API: 'Use Kafka 3.5 or later',
}

/** Another producer has begun under the same id, or what the broker knows of this one is gone: begin anew and look. */
const overtaken: readonly string[] = [
  'INVALID_PRODUCER_EPOCH',
  'PRODUCER_FENCED',
  'INVALID_PRODUCER_ID_MAPPING',
  'INVALID_TXN_STATE',
  'TRANSACTION_ABORTABLE',
  'TRANSACTION_COORDINATOR_FENCED',
  'CONCURRENT_TRANSACTIONS',
  'OUT_OF_ORDER_SEQUENCE_NUMBER',
  'DUPLICATE_SEQUENCE_NUMBER',
  'UNKNOWN_PRODUCER_ID',
]

/** An error of the client as one of ours: what a person has to mend, or what passes. */
export function translatedKafka(error: unknown): unknown {
  if (isVarveError(error)) return error
  const codes = codesOf(error)
  const problem = problemOf(error)
  if (overtaken.some((code) => codes.has(code))) return new TargetUnavailable('kafka', problem, { cause: error })
  const known = Object.keys(advice).find((code) => codes.has(code))
  if (known !== undefined) {
    return new TargetFailed('kafka', `${problem} (${known}). ${advice[known]}.`, { cause: error })
  }
  if (codes.size > 0 && !isWrongUse(codes)) return new TargetUnavailable('kafka', problem, { cause: error })
  return new TargetFailed('kafka', problem, { cause: error })
}

function isWrongUse(codes: ReadonlySet<string>): boolean {
  return codes.has('PLT_KFK_USER') && !codes.has('ECONNRESET')
}

/** Whether a connection was refused for good: for its certificate, its login, or because only one side speaks TLS. */
export function isRefusal(error: unknown): boolean {
  const codes = codesOf(error)
  // What the client calls a failed authentication may be a connection that broke during the login, and a broker that speaks no TLS
  // looks like one that ended during the handshake.
  return isWrongUse(codes) || Object.keys(refusals).some((code) => codes.has(code))
}

/** The innermost sentence: those around it say which request of the protocol it was. */
function problemOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error)
  const inner = error instanceof AggregateError ? error.errors.at(-1) : error.cause
  const text = inner === undefined ? error.message : problemOf(inner)
  return (text === '' ? error.name : text).replace(/\.$/, '')
}
