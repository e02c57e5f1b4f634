import type { AppendOutcome, AppendRequest, Landed, LandedStream, StreamCheck } from '../../engine/engine.ts'
import type { NormalCondition } from '../../model/query.ts'
import { encodeAlone } from './append-one.ts'
import { encodeBatch, type Numbered } from './batch.ts'
import { type PostgresQuery, type Row, statementName } from './driver.ts'
import { fieldsOfRecord } from './record.ts'

/**
 * Calls a function whose answer is one record, read by {@link fieldsOfRecord}. Selected from as if it were a table, it would cost the
 * server a table on every call: a ninth of what one append takes there.
 */
const callOf = (schema: string, name: string, parameters: number): string =>
  `select ${schema}.${name}(${Array.from({ length: parameters }, (_, place) => `$${place + 1}`).join(', ')})`

/** What the function says of a request; an absent list says 1 of all. */
const verdict = { done: 1, repeated: 2, conflict: 3, conditionFailed: 4, duplicateEventId: 5, tombstoned: 6 } as const

/** A batch as the call that commits it, and how to read the answer. */
export interface AppendCall {
  readonly first: PostgresQuery
  /** The same where an earlier try may have been committed, or has met an id that is there: no id is new then. */
  readonly again: () => PostgresQuery
  readonly answer: (row: Row) => AppendAnswer
}

/** What became of a batch. */
export interface AppendAnswer {
  readonly outcomes: readonly AppendOutcome[]
  /** Whether anybody waits to be told of commits. */
  readonly listened: boolean
}

type Statement = Pick<PostgresQuery, 'name' | 'text'>

interface Encoded {
  readonly numbered: Numbered
  readonly values: readonly unknown[]
  readonly statement: Statement
}

/**
 * Turns a batch into one call of the function that serves it best. Whether nothing speaks against any request of a batch is
 * not known before: after one where something did, the next is judged request by request at once, until nothing does.
 */
export function createAppendCalls(schema: string, prepare: boolean): (batch: readonly AppendRequest[]) => AppendCall {
  const named = (name: string, parameters: number): Statement => ({
    ...(prepare && { name: statementName(name, schema) }),
    text: callOf(schema, name, parameters),
  })
  // Of version 3 and of version 10 of the schema. The last argument of those of version 10 says whether ids are new.
  const judged = named('append', 23)
  const together = named('append_together', 21)
  const one = named('append_one', 14)
  let hopeful = true

  function encoded(batch: readonly AppendRequest[]): Encoded {
    const alone = encodeAlone(batch)
    if (alone !== undefined) return { ...alone, statement: one }
    const { together: isTogether, ...rest } = encodeBatch(batch, hopeful)
    return { ...rest, statement: isTogether ? together : judged }
  }

  return (batch) => {
    const { numbered, values, statement } = encoded(batch)
    const queryWith = (idsAreNew: boolean): PostgresQuery => ({
      ...statement,
      values: statement === judged ? [...values] : [...values, idsAreNew],
    })
    return {
      first: queryWith(batch.every((request) => request.idsAreNew === true)),
      again: () => queryWith(false),
      answer: ([answered]) => {
        const fields = fieldsOfRecord(answered as string)
        const outcomes = readOutcomes(batch, numbered, fields)
        hopeful = outcomes.every(({ status }) => status === 'done')
        return { outcomes, listened: fields[5] === 't' }
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
