import { isVarveError } from '../model/errors.ts'
import type { RecordedEvent } from '../model/event.ts'
import type { ParkedPlace, TargetCheckpoint } from '../model/target.ts'
import { isPassing } from './failure-policy.ts'
import { reasonOf } from './parking.ts'
import { afterPause, type PartitionRun, persistently } from './partition-run.ts'
import { type Decided, type Failure, notWhereItWas, park, skipsCarriedOut, type Way, written } from './save-batch.ts'

/** Carries out what somebody asked for while nothing is under way. */
export async function carriedOutRequests<ReadModel>(
  run: PartitionRun<ReadModel>,
  from: TargetCheckpoint,
  decided: Decided,
): Promise<TargetCheckpoint> {
  await skipsCarriedOut(run, from.position)
  let checkpoint = from
  for (const request of run.told.requests()) {
    if (request.kind !== 'replay') continue
    for (const position of request.positions) checkpoint = await replayed(run, checkpoint, position, decided)
    await persistently(run, () => run.told.carriedOut(request))
  }
  return checkpoint
}

/** Applies a parked event after all, with the earlier ones of its key before it. Where that fails it stays parked. */
async function replayed<ReadModel>(
  run: PartitionRun<ReadModel>,
  from: TargetCheckpoint,
  position: number,
  decided: Decided,
): Promise<TargetCheckpoint> {
  const { projection, shelf, generation } = run
  const asked = from.parked.find((place) => place.position === position)
  if (asked === undefined) return from
  const isDue = (place: ParkedPlace): boolean =>
    place.position === position || (asked.key !== undefined && place.key === asked.key && place.position < position)
  let checkpoint = from
  for (const place of from.parked.filter(isDue)) {
    const event = await readAgain(run, place)
    if (event?.position !== place.position) return checkpoint
    const parked = checkpoint.parked.filter((other) => other.position !== place.position)
    const next = { ...checkpoint, parked }
    const failure = await appliedLate(run, { expected: checkpoint, next }, event)
    if (failure !== undefined) {
      const earlier = await persistently(run, () => shelf.parkedEvent(projection.name, generation, place.position))
      await park(run, event, place, { error: failure.error, attempts: (earlier?.attempts ?? 0) + 1 })
      return checkpoint
    }
    checkpoint = next
    decided.delete(place.position)
    await persistently(run, () => shelf.unpark(projection.name, { generation, position: place.position }))
    run.told.counted({ events: 1 })
    run.told.reached(checkpoint, 'catching_up')
  }
  return checkpoint
}

/** The parked event. Where the store refuses to read it, as one that is archived, it stays parked, and why is noted. */
async function readAgain<ReadModel>(
  run: PartitionRun<ReadModel>,
  { position }: ParkedPlace,
): Promise<RecordedEvent | undefined> {
  const { projection, store, shelf, generation, signal } = run
  try {
    return await persistently(run, () => store.readAll({ from: position, limit: 1, signal }).first())
  } catch (error) {
    signal.throwIfAborted()
    if (isVarveError(error, 'STORE_CLOSED')) throw error
    await persistently(run, async () => {
      const parked = await shelf.parkedEvent(projection.name, generation, position)
      if (parked === undefined) return
      const detail = { ...parked, ...reasonOf(error), attempts: parked.attempts + 1, atMs: run.clock.now() }
      await shelf.park(projection.name, detail)
      run.told.parked(detail)
    })
    return undefined
  }
}

/** Applies one event, and waits for a target that is away as with any batch. Gives why the event stays parked, if it does. */
async function appliedLate<ReadModel>(
  run: PartitionRun<ReadModel>,
  way: Way,
  event: RecordedEvent,
): Promise<Failure | undefined> {
  for (let attempts = 1; ; attempts++) {
    const failure = await written(run, way, [event])
    if (failure?.isLost) throw notWhereItWas
    if (failure === undefined || (failure.event !== undefined && !isPassing(failure.error))) return failure
    const decision = await afterPause(run, { error: failure.error, event: failure.event, attempts }, failure.thrown)
    if (decision !== 'again') return failure
  }
}
