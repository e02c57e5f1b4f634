import type { AppendOutcome, AppendRequest, Landed, LandedStream, StreamCheck } from '../../engine/engine.ts'
import type { NormalCondition } from '../../model/query.ts'
import { encodeAlone } from './append-one.ts'
import { encodeBatch, type Numbered } from './batch.ts'
import { type PostgresQuery, type Row, statementName } from './driver.ts'

/** What both functions answer. */
const answered = 'a.verdicts, a.base, a.offsets, a.landed_versions, a.details, a.listened'

/** See migrations/0003-the-append.ts. */
const callAppend = (schema: string): string => `
  select ${answered} from ${schema}.append(
    $1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20, $21, $22, $23) as a`

/** See migrations/0009-append-together.ts. */
const callAppendTogether = (schema: string): string => `
  select ${answered} from ${schema}.append_together(
    $1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20) as a`

/** See migrations/0005-append-one.ts. */
const callAppendOne = (schema: string): string => `
  select ${answered} from ${schema}.append_one($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13) as a`

/** What the function says of a request; an absent list says 1 of all. */
const verdict = { done: 1, repeated: 2, conflict: 3, conditionFailed: 4, duplicateEventId: 5, tombstoned: 6 } as const

/** A batch as the call that commits it, and how to read the answer. */
export interface AppendCall {
  readonly query: PostgresQuery
  readonly answer: (row: Row) => AppendAnswer
}

/** What became of a batch. */
export interface AppendAnswer {
  readonly outcomes: readonly AppendOutcome[]
  /** Whether anybody waits to be told of commits. */
  readonly listened: boolean
}

/**
 * Turns a batch into one call of the function that serves it best. Whether nothing speaks against any request of a batch is
 * not known before: after one where something did, the next is judged request by request at once, until nothing does.
 */
export function createAppendCalls(schema: string, prepare: boolean): (batch: readonly AppendRequest[]) => AppendCall {
  const named = (name: string, text: string) => ({ ...(prepare && { name: statementName(name, schema) }), text })
  const judged = named('append', callAppend(schema))
  const together = named('append_together', callAppendTogether(schema))
  const one = named('append_one', callAppendOne(schema))
  let hopeful = true

  function callOf(batch: readonly AppendRequest[]): { readonly query: PostgresQuery; readonly numbered: Numbered } {
    const alone = encodeAlone(batch)
    if (alone !== undefined) return { query: { ...one, values: alone.values }, numbered: alone.numbered }
    const encoded = encodeBatch(batch, hopeful)
    const { numbered, values } = encoded
    return { query: { ...(encoded.together ? together : judged), values }, numbered }
  }

  return (batch) => {
    const { query, numbered } = callOf(batch)
    return {
      query,
      answer: (row) => {
        const outcomes = readOutcomes(batch, numbered, row)
        hopeful = outcomes.every(({ status }) => status === 'done')
        return { outcomes, listened: row[5] === 't' }
      },
    }
  }
}

/** The answer as read, one entry per event of the batch. */
interface Answer {
  readonly base: number
  /** Absent: every event landed, in order. */
  readonly offsets: readonly number[] | undefined
  readonly versions: readonly number[]
  readonly details: Readonly<Record<string, unknown>>
}

function readOutcomes(batch: readonly AppendRequest[], numbered: Numbered, row: Row): readonly AppendOutcome[] {
  const [verdicts, base, offsets, versions, details] = row
  const answer: Answer = {
    base: Number(base),
    offsets: offsets === null ? undefined : numbers(offsets),
    versions: numbers(versions),
    details: typeof details === 'string' ? (JSON.parse(details) as Record<string, unknown>) : {},
  }
  const judged = verdicts === null ? undefined : numbers(verdicts)
  let first = 0
  return batch.map((request, index) => {
    const outcome = outcomeOf(judged?.[index] ?? verdict.done, { request, number: index + 1, first }, answer, numbered)
    first += request.events.length
    return outcome
  })
}

interface Judged {
  readonly request: AppendRequest
  /** From 1, as the function counts. */
  readonly number: number
  /** Place of its first event in the batch. */
  readonly first: number
}

function outcomeOf(found: number, judged: Judged, answer: Answer, numbered: Numbered): AppendOutcome {
  const { request, number, first } = judged
  const detail = answer.details[number]
  switch (found) {
    case verdict.done:
      return landedAt(request, (index) => [
        answer.versions[first + index] as number,
        answer.base + (answer.offsets?.[first + index] ?? first + index + 1),
      ])
    case verdict.repeated:
      return { ...landedAt(request, (index) => (detail as Place[])[index] as Place), status: 'repeated' }
    case verdict.conflict: {
      const [place, actual] = detail as Place
      const { streamId, expectedVersion } = numbered.checks[place - 1] as StreamCheck
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
      const eventId = request.events[event - 1 - first]?.id ?? ''
      return { status: 'duplicate_event_id', eventId, streamId: numbered.decode(stream) }
    }
    default:
      return { status: 'tombstoned', streamId: numbered.streamIds[(detail as number) - 1] as string }
  }
}

type Place = readonly [version: number, position: number]

function landedAt(request: AppendRequest, placeOf: (index: number) => Place): Landed {
  const { events } = request
  const [version, position] = placeOf(0)
  // Nearly every append is one event.
  if (events.length === 1) {
    const streams = [{ streamId: events[0]?.streamId as string, firstVersion: version, lastVersion: version }]
    return { status: 'done', firstPosition: position, lastPosition: position, streams }
  }
  const streams = new Map<string, LandedStream>()
  let [firstPosition, lastPosition] = [position, position]
  for (const [index, { streamId }] of events.entries()) {
    const [lastVersion, at] = placeOf(index)
    streams.set(streamId, { streamId, firstVersion: streams.get(streamId)?.firstVersion ?? lastVersion, lastVersion })
    firstPosition = Math.min(firstPosition, at)
    lastPosition = Math.max(lastPosition, at)
  }
  return { status: 'done', firstPosition, lastPosition, streams: [...streams.values()] }
}

/** `{1,2,3}` as numbers. */
function numbers(array: string | null | undefined): readonly number[] {
  if (array === null || array === undefined || array === '{}') return []
  return array.slice(1, -1).split(',').map(Number)
}
