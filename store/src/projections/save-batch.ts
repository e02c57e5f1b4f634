import { markFailed } from '../engine/span.ts'
import { isVarveError, LimitExceeded } from '../model/errors.ts'
import type { RecordedEvent } from '../model/event.ts'
import { limits } from '../model/limits.ts'
import { CheckpointConflict } from '../model/shelf-errors.ts'
import { checkpointHolds, type ParkedPlace, type TargetCheckpoint } from '../model/target.ts'
import { applied, BatchRefused } from './apply.ts'
import { inBatchSpan } from './batch-span.ts'
import { isPassing } from './failure-policy.ts'
import { halves, type SaveEffect } from './gathering.ts'
import { parkedDetail } from './parking.ts'
import { afterPause, checkpointName, type PartitionRun, persistently } from './partition-run.ts'

/** Thrown when a target lost more than the batch that failed. */
export const notWhereItWas: unique symbol = Symbol('the target is not where it was')

/** The events that were set aside since the run began, for a target that begins again. */
export type Decided = Map<number, ParkedPlace>

/**
 * Saves a batch, whatever it takes: tries again, sets events aside, or throws what the policy stops at. One that its handler
 * refuses as a whole is saved in halves. Gives each checkpoint that is saved.
 */
export async function* savedBatch<ReadModel>(
  run: PartitionRun<ReadModel>,
  checkpoint: TargetCheckpoint,
  { events, position }: SaveEffect,
  decided: Decided,
): AsyncGenerator<TargetCheckpoint> {
  const { told, clock } = run
  const startedAtMs = clock.now()
  const attempts = new Map<number | undefined, number>()
  for (;;) {
    const skips = told.skips()
    const parked = await parkedWith(run, checkpoint, events, decided)
    const aside = new Set(parked.map((place) => place.position))
    const due = events.filter((event) => !aside.has(event.position) && !skips.has(event.position))
    const next = { ...checkpoint, position, parked }
    const failure = await written(run, { expected: checkpoint, next }, due)
    if (failure === undefined) {
      const skipped = events.filter((event) => skips.has(event.position)).length
      told.counted({ events: due.length, batches: 1, skipped })
      await skipsCarriedOut(run, position)
      tell(run, due)
      await slowedDown(run, events.length, startedAtMs)
      yield next
      return
    }
    const { thrown, error, event, isLost } = failure
    // Nothing of the batch is at fault, and nobody is to be asked.
    if (isLost && isVarveError(error, 'CHECKPOINT_CONFLICT')) throw notWhereItWas
    if (thrown instanceof BatchRefused) {
      if (isLost) throw notWhereItWas
      let reached = checkpoint
      for (const half of halves({ events, position })) {
        for await (reached of savedBatch(run, reached, half, decided)) yield reached
      }
      return
    }
    const tried = (attempts.get(event?.position) ?? 0) + 1
    attempts.set(event?.position, tried)
    const decision = await afterPause(run, { error, event, attempts: tried }, thrown)
    if (decision !== 'again' && event !== undefined) {
      const key = decision === 'park_key' ? run.projection.keyOf(event) : undefined
      const place = key === undefined ? { position: event.position } : { position: event.position, key }
      await park(run, event, place, { error, attempts: tried })
      decided.set(event.position, place)
    }
    if (isLost) throw notWhereItWas
  }
}

/** What is parked once this batch is saved: what was, what was decided, and what comes after it in a parked key. */
async function parkedWith<ReadModel>(
  run: PartitionRun<ReadModel>,
  checkpoint: TargetCheckpoint,
  events: readonly RecordedEvent[],
  decided: Decided,
): Promise<readonly ParkedPlace[]> {
  const parked = [...checkpoint.parked]
  const behind: RecordedEvent[] = []
  const keys = new Set(parked.flatMap(({ key }) => key ?? []))
  for (const event of events) {
    const place = decided.get(event.position)
    if (place !== undefined) {
      parked.push(place)
      if (place.key !== undefined) keys.add(place.key)
    } else if (keys.size > 0 && keys.has(run.projection.keyOf(event))) {
      parked.push({ position: event.position, key: run.projection.keyOf(event) })
      behind.push(event)
    }
  }
  if (parked.length > limits.parkedEvents) throw new LimitExceeded('parkedEvents', parked.length, tooManyParked)
  for (const event of behind) {
    const place = { position: event.position, key: run.projection.keyOf(event) }
    await park(run, event, place, { error: undefined, attempts: 0 })
    decided.set(event.position, place)
  }
  return parked
}

const tooManyParked = 'Mend what they are parked for, replay them, and resume the projection.'

/** Remembers why an event is set aside, before any checkpoint passes it. */
export async function park<ReadModel>(
  run: PartitionRun<ReadModel>,
  event: RecordedEvent,
  { key }: ParkedPlace,
  why: { readonly error: unknown; readonly attempts: number },
): Promise<void> {
  const { projection, shelf, generation, partition, told, clock } = run
  const detail = parkedDetail(event, { generation, partition, key, atMs: clock.now(), ...why })
  await persistently(run, () => shelf.park(projection.name, detail))
  told.parked(detail)
}

/** A batch that did not come into the target. */
export interface Failure {
  readonly thrown: unknown
  /** What the handler threw, or the target. */
  readonly error: unknown
  /** Undefined when it was the target. */
  readonly event: RecordedEvent | undefined
  /** The target has lost more than this batch. */
  readonly isLost: boolean
}

/** Where a batch begins and where it ends. */
export interface Way {
  readonly expected: TargetCheckpoint
  readonly next: TargetCheckpoint
}

/** Writes a batch. Undefined when it is in the target, whatever the answer was. */
export function written<ReadModel>(
  run: PartitionRun<ReadModel>,
  way: Way,
  due: readonly RecordedEvent[],
): Promise<Failure | undefined> {
  const { tracer } = run
  if (tracer === undefined || due.length === 0) return writtenNow(run, way, due)
  return inBatchSpan(tracer, run, due, async (span) => {
    const failure = await writtenNow(run, way, due)
    if (failure !== undefined) markFailed(span, failure.error)
    return failure
  })
}

async function writtenNow<ReadModel>(
  run: PartitionRun<ReadModel>,
  { expected, next }: Way,
  due: readonly RecordedEvent[],
): Promise<Failure | undefined> {
  const { projection, target, partition, told, clock } = run
  const name = checkpointName(projection, partition)
  const startedAtMs = clock.now()
  let applyMs = 0
  const apply = (readModel: ReadModel): unknown => {
    const fromMs = clock.now()
    const counted = (): void => {
      applyMs = clock.now() - fromMs
    }
    const waits = applied(projection, due, readModel)
    counted()
    return waits instanceof Promise ? waits.finally(counted) : waits
  }
  try {
    await target.write({ projection: name, expected, next, empty: false, apply, events: due })
    told.counted({ applyMs, writeMs: clock.now() - startedAtMs - applyMs })
    return undefined
  } catch (thrown) {
    const found = await persistently(run, () => target.checkpoint(name))
    if (checkpointHolds(found, next)) return undefined
    if (found !== undefined && isFurther(found, expected)) throw new CheckpointConflict(name)
    const isLost = !checkpointHolds(found, expected)
    // Smaller batches do not bring back a database that is away.
    if (thrown instanceof BatchRefused && isPassing(thrown.cause)) {
      return { thrown: thrown.cause, error: thrown.cause, event: undefined, isLost }
    }
    if (!isVarveError(thrown, 'PROJECTION_FAILED')) return { thrown, error: thrown, event: undefined, isLost }
    const event = due.find(({ position }) => position === thrown.position)
    return { thrown, error: thrown.cause, event, isLost }
  }
}

/** Whether somebody else has written: what a target has lost takes it back. */
function isFurther(found: TargetCheckpoint, expected: TargetCheckpoint): boolean {
  return found.epoch > expected.epoch || (found.epoch === expected.epoch && found.position > expected.position)
}

/** Strikes off what was asked to be skipped and lies behind. */
export async function skipsCarriedOut<ReadModel>(run: PartitionRun<ReadModel>, position: number): Promise<void> {
  for (const request of run.told.requests()) {
    if (request.kind === 'skip' && request.position <= position) {
      await persistently(run, () => run.told.carriedOut(request))
    }
  }
}

/** Tells of saved events. It is not waited for, and what goes wrong there is not the projection's failure. */
function tell<ReadModel>(
  { projection, mayTell, told }: PartitionRun<ReadModel>,
  events: readonly RecordedEvent[],
): void {
  const { saved } = projection
  const news = saved === undefined ? [] : events.filter(mayTell)
  if (saved === undefined || news.length === 0) return
  const telling = async (): Promise<unknown> => saved(news)
  telling().catch(told.notTold)
}

async function slowedDown<ReadModel>(
  { eventsPerSecond, clock, signal }: PartitionRun<ReadModel>,
  events: number,
  startedAtMs: number,
): Promise<void> {
  const bound = eventsPerSecond()
  if (bound === undefined) return
  // A clock that was set back has not made the batch take longer.
  const restMs = (events / bound) * 1_000 - Math.max(0, clock.now() - startedAtMs)
  if (restMs > 0) await clock.sleep(restMs, signal)
}
