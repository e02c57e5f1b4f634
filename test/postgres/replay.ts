// The oracle of the race: it knows nothing of locks or batches, only the log and what each writer was told.
//
//   the log in position order > each decision at its place > was it right there?
//
// A store is right when every answer can be explained by its position alone, and positions agree with real time.

import type { RecordedEvent } from '../../store/src/model/event.ts'
import { type AppendCondition, matchesQuery, normalQuery } from '../../store/src/model/query.ts'
import type { Answer, Decision } from './decision.ts'

/** What the oracle looks at. */
export type LogEvent = Pick<RecordedEvent, 'position' | 'id' | 'streamId' | 'version' | 'type' | 'tags'>

/** How many decisions were found to be right, by their answer. */
export interface Replayed {
  readonly landed: number
  readonly conflicts: number
  readonly conditionsFailed: number
  readonly conditionsHeld: number
  readonly multiStream: number
}

type LandedDecision = Decision & { readonly answer: Extract<Answer, { status: 'landed' }> }

/** Checks every decision against the whole log, and the log against the decisions. Throws at the first that is wrong. */
export function replay(log: readonly LogEvent[], decisions: readonly Decision[]): Replayed {
  expectInOrder(log)
  const landed = decisions.filter(isLanded).sort((left, right) => placeOf(left) - placeOf(right))
  let accounted = 0
  for (const decision of landed) {
    expectValid(log, decision)
    expectThat(placeOf(decision) === accounted + 1, `position ${accounted + 1} belongs to no acknowledged append`)
    accounted += decision.answer.eventIds.length
  }
  expectThat(accounted === log.length, `${log.length - accounted} events at the end belong to no acknowledged append`)
  expectRealTimeOrder(landed)
  for (const decision of decisions) expectRefusedRightly(log, decision)
  return {
    landed: landed.length,
    conflicts: decisions.filter(({ answer }) => answer.status === 'conflict').length,
    conditionsFailed: decisions.filter(({ answer }) => answer.status === 'condition_failed').length,
    conditionsHeld: landed.filter(({ condition }) => condition !== undefined).length,
    multiStream: landed.filter(({ writes }) => writes.length > 1).length,
  }
}

function isLanded(decision: Decision): decision is LandedDecision {
  return decision.answer.status === 'landed'
}

function placeOf({ answer }: LandedDecision): number {
  return answer.firstPosition
}

function expectInOrder(log: readonly LogEvent[]): void {
  const versions = new Map<string, number>()
  const ids = new Set<string>()
  for (const [index, { position, streamId, version, id }] of log.entries()) {
    expectThat(position === index + 1, `position ${position} follows ${index}`)
    const before = versions.get(streamId) ?? 0
    expectThat(version === before + 1, `version ${version} of ${streamId} follows ${before}`)
    versions.set(streamId, version)
    expectThat(!ids.has(id), `id ${id} is there twice`)
    ids.add(id)
  }
}

/** The events of an append lie together, as acknowledged, and what it expected was so right before them. */
function expectValid(log: readonly LogEvent[], { writes, condition, answer }: LandedDecision): void {
  let position = answer.firstPosition
  const at = `the append at ${position}`
  for (const [index, { streamId, expectedVersion, events }] of writes.entries()) {
    const firstVersion = answer.streams[index]?.firstVersion ?? Number.NaN
    const held = expectedVersion === 'any' || expectedVersion === firstVersion - 1
    expectThat(held, `${at} expected ${streamId} at ${expectedVersion}, and became version ${firstVersion}`)
    for (let nth = 0; nth < events; nth++) {
      const id = answer.eventIds[position - answer.firstPosition]
      const found = log[position - 1]
      const same = found?.id === id && found?.streamId === streamId && found.version === firstVersion + nth
      expectThat(same, `${at} is not whole: at ${position} lies ${JSON.stringify(found)}`)
      position++
    }
  }
  if (condition === undefined) return
  const broken = firstMatch(log, condition, answer.firstPosition)
  expectThat(broken === undefined, `${at} had to fail: ${JSON.stringify(condition)} is matched by ${broken?.position}`)
}

/** The first event that breaks the condition, below a position. */
function firstMatch(log: readonly LogEvent[], condition: AppendCondition, below: number): LogEvent | undefined {
  const query = normalQuery(condition.failIfMatch)
  for (let position = (condition.after ?? 0) + 1; position < below; position++) {
    const event = log[position - 1]
    if (event !== undefined && matchesQuery(query, event)) return event
  }
  return undefined
}

/** Whoever was answered before another one began comes before it. From the end: who comes later was answered no earlier. */
function expectRealTimeOrder(landed: readonly LandedDecision[]): void {
  let earliest: { readonly answeredAtUs: number; readonly place: number } | undefined
  for (const decision of [...landed].reverse()) {
    const { sentAtUs, answeredAtUs } = decision
    const inOrder = earliest === undefined || earliest.answeredAtUs >= sentAtUs
    expectThat(inOrder, `the append at ${earliest?.place} was answered before the one at ${placeOf(decision)} began`)
    if (earliest === undefined || answeredAtUs < earliest.answeredAtUs) {
      earliest = { answeredAtUs, place: placeOf(decision) }
    }
  }
}

/** A refusal names what stood in the way, and that is in the log. */
function expectRefusedRightly(log: readonly LogEvent[], { writes, condition, answer }: Decision): void {
  if (answer.status === 'conflict') {
    const write = writes.find(({ streamId }) => streamId === answer.streamId)
    const differs = write !== undefined && write.expectedVersion !== 'any' && write.expectedVersion !== answer.actual
    expectThat(
      differs,
      `a conflict on ${answer.streamId} at ${answer.actual} has no reason in ${JSON.stringify(writes)}`,
    )
  }
  if (answer.status === 'condition_failed') {
    const event = log[answer.position - 1]
    const matches =
      condition !== undefined &&
      event !== undefined &&
      answer.position > (condition.after ?? 0) &&
      matchesQuery(normalQuery(condition.failIfMatch), event)
    expectThat(matches, `${JSON.stringify(condition)} failed because of ${answer.position}, which does not match`)
  }
}

function expectThat(holds: boolean, otherwise: string): void {
  if (!holds) throw new Error(otherwise)
}
