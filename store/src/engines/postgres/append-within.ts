import type { AppendRequest, LandedStream, PendingOutcome, StreamCheck } from '../../engine/engine.ts'
import { InvalidArgument } from '../../model/errors.ts'
import type { EventToStore } from '../../model/event.ts'
import type { NormalCondition } from '../../model/query.ts'
import { streamChangeOf } from '../../model/stream.ts'
import { expectation, payloadColumns, tagList } from './batch.ts'
import { asText, type PostgresClient, type Row } from './driver.ts'
import { bigintArray, intArray, nameArray, textArray, uuidArray } from './encode.ts'
import { stateOf } from './errors.ts'
import { decodeName, encodeName } from './names.ts'

/** See migrations/0004-caller-transactions.ts. */
const callAppendWithin = (schema: string): string => `
  select a.verdict, a.detail, to_json(a.landed_versions) from ${schema}.append_within(
    $1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17) as a`

/** SQLSTATE of a savepoint outside of a transaction. */
const noTransaction = '25P01'

const verdict = {
  done: 1,
  repeated: 2,
  conflict: 3,
  conditionFailed: 4,
  duplicateEventId: 5,
  tombstoned: 6,
} as const

/**
 * Appends in the transaction that is open on `client`, a connection of the caller's: whatever parses its types and
 * whichever version of the driver it comes from.
 */
export async function appendWithin(
  client: PostgresClient,
  schema: string,
  request: AppendRequest,
): Promise<PendingOutcome> {
  const { streamIds, checks, values } = encodeRequest(request)
  await requireTransaction(client)
  const { rows } = await client.query({ text: callAppendWithin(schema), values, rowMode: 'array', types: asText })
  const [judged, details, versions] = rows[0] as Row
  const detail: unknown = typeof details === 'string' ? JSON.parse(details) : undefined
  switch (Number(judged)) {
    case verdict.done:
      return { status: 'done', streams: streamsOf(request, JSON.parse(versions as string)) }
    case verdict.repeated:
      return { status: 'repeated', streams: streamsOf(request, JSON.parse(versions as string)) }
    case verdict.conflict: {
      const [place, actual] = detail as readonly [number, number]
      const { streamId, expectedVersion } = checks[place - 1] as StreamCheck
      return { status: 'conflict', streamId, expected: expectedVersion, actual }
    }
    case verdict.conditionFailed:
      return {
        status: 'condition_failed',
        after: (request.condition as NormalCondition).after,
        position: detail as number,
      }
    case verdict.duplicateEventId: {
      const { event, stream } = detail as { readonly event: number; readonly stream: string }
      const eventId = request.events[event - 1]?.id ?? ''
      return { status: 'duplicate_event_id', eventId, streamId: decodeName(stream) }
    }
    case verdict.tombstoned:
      return { status: 'tombstoned', streamId: streamIds[(detail as number) - 1] as string }
    default:
      throw new InvalidArgument(
        'client',
        `has a transaction of the isolation level ${detail}, in which the order of the log cannot be kept: ` +
          "begin it with 'begin isolation level read committed'",
      )
  }
}

/** Only these statements tell whether a transaction is open; without one the events would be committed at once, alone. */
async function requireTransaction(client: PostgresClient): Promise<void> {
  try {
    await client.query({ text: 'savepoint varve; release savepoint varve' })
  } catch (error) {
    if (stateOf(error) !== noTransaction) throw error
    throw new InvalidArgument('client', "has no transaction open: send 'begin' on it first")
  }
}

/**
 * The connection of the caller's.
 *
 * @throws INVALID_ARGUMENT when it is none.
 */
export function callersConnection(client: object): PostgresClient {
  if (!('query' in client) || typeof client.query !== 'function') {
    throw new InvalidArgument('client', 'is no connection of the pg package: it has no query method')
  }
  if ('totalCount' in client) {
    throw new InvalidArgument('client', "is a pool, which has no transaction: take a connection by 'pool.connect()'")
  }
  return client as PostgresClient
}

interface EncodedRequest {
  readonly streamIds: readonly string[]
  readonly checks: readonly StreamCheck[]
  readonly values: unknown[]
}

function encodeRequest({ events, checks: allChecks, condition }: AppendRequest): EncodedRequest {
  // A check of 'any' asks nothing.
  const checks = allChecks.filter((check) => check.expectedVersion !== 'any')
  const changes = events.flatMap((event) => {
    const change = streamChangeOf(event)
    return change === undefined || change === 'malformed' ? [] : [change]
  })
  // In the order in which the append function locks them: any one will do, as long as everybody has it.
  const streamIds = [...new Set([...events, ...checks, ...changes].map(({ streamId }) => streamId))].sort()
  const numbers = new Map(streamIds.map((streamId, index) => [streamId, index + 1]))
  const numberOf = ({ streamId }: { readonly streamId: string }): number => numbers.get(streamId) as number
  const values = [
    nameArray(streamIds),
    intArray(events.map(numberOf)),
    ...eventColumns(events),
    checks.length === 0 ? null : intArray(checks.map(numberOf)),
    checks.length === 0 ? null : bigintArray(checks.map(({ expectedVersion }) => expectation(expectedVersion))),
    condition === undefined ? null : JSON.stringify(encodeCondition(condition)),
    JSON.stringify(
      changes.map((change) => ({
        stream: numberOf(change),
        ...(change.truncateBefore !== undefined && { truncate_before: change.truncateBefore }),
        ...(change.tombstoned && { tombstoned: true }),
      })),
    ),
  ]
  return { streamIds, checks, values }
}

function eventColumns(events: readonly EventToStore[]): unknown[] {
  return [
    uuidArray(events.map((event) => event.id)),
    nameArray(events.map((event) => event.type)),
    bigintArray(events.map((event) => event.schemaVersion)),
    bigintArray(events.map((event) => event.recordedAtMs)),
    ...payloadColumns(events, 'contentType', 'data'),
    ...payloadColumns(events, 'metadataContentType', 'metadata'),
    textArray(events.map(tagList)),
  ]
}

function encodeCondition({ after, failIfMatch }: NormalCondition): unknown {
  if (failIfMatch === 'everything') return { after, items: null }
  const items = failIfMatch.map(({ types, tags, categories, streamPrefix }) => ({
    types: types.map(encodeName),
    tags: tags.map(encodeName),
    categories: categories.map(encodeName),
    prefix: encodeName(streamPrefix),
  }))
  return { after, items }
}

function streamsOf({ events }: AppendRequest, versions: readonly number[]): readonly LandedStream[] {
  const streams = new Map<string, LandedStream>()
  for (const [index, { streamId }] of events.entries()) {
    const lastVersion = versions[index] as number
    streams.set(streamId, { streamId, firstVersion: streams.get(streamId)?.firstVersion ?? lastVersion, lastVersion })
  }
  return [...streams.values()]
}
