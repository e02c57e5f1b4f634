/**
 * Runs one partition of one generation for as long as it is owned:
 *
 * take over > follow > (a batch) > apply and save > follow
 *                                > fails > look at the checkpoint > retry | park and go on | stop
 *
 * Invariants: the first write tells the owner's epoch, so an owner before this one is refused from then on; the checkpoint
 * passes an event only in the transaction that applied it, or that names it as parked; whatever the answer to a write was,
 * or when there was none, the checkpoint in the target tells what happened.
 */
import { isVarveError } from '../model/errors.ts'
import { limits } from '../model/limits.ts'
import type { ParkedInProjection } from '../model/projection-status.ts'
import { CheckpointConflict } from '../model/shelf-errors.ts'
import { checkpointHolds, firstCheckpoint, type TargetCheckpoint } from '../model/target.ts'
import { type GrowingBatches, gatherStretch, type SaveEffect, type Stretch } from './gathering.ts'
import { carriedOutRequests } from './partition-requests.ts'
import { afterPause, checkpointName, type PartitionRun, persistently } from './partition-run.ts'
import type { Projection } from './projection.ts'
import type { Kept } from './projection-shelf.ts'
import { type Decided, notWhereItWas, savedBatch } from './save-batch.ts'

/**
 * Runs until the signal aborts, and rejects with its reason then.
 *
 * @throws CHECKPOINT_CONFLICT when another owner has taken over; STORE_CLOSED; and what the policy decides to stop at.
 */
export async function runPartition<ReadModel>(run: PartitionRun<ReadModel>): Promise<never> {
  const { signal, told, reader } = run
  const decided: Decided = new Map()
  let checkpoint = await takenOver(run, decided)
  for (;;) {
    signal.throwIfAborted()
    // Taken before: what is asked while something else is carried out interrupts what follows.
    const interruption = told.interruption()
    const following = AbortSignal.any([signal, interruption])
    try {
      checkpoint = await carriedOutRequests(run, checkpoint, decided)
      told.reached(checkpoint, 'catching_up')
      const stretches = reader.follow(checkpoint.position + 1, run, following)
      await followed(run, checkpoint, stretches, decided, (saved) => {
        checkpoint = saved
      })
    } catch (error) {
      if (interruption.aborted && !signal.aborted && error === interruption.reason) continue
      // A target that loses what was not saved, such as one in memory, begins where it is.
      if (error === notWhereItWas) checkpoint = await takenOver(run, decided)
      else if (isPassingOfStore(error)) await afterPause(run, { error, event: undefined, attempts: 1 })
      else throw error
    }
  }
}

/** A store that cannot be read now is asked again; what it cannot read ever is a failure. */
function isPassingOfStore(error: unknown): boolean {
  return isVarveError(error, 'ENGINE_UNAVAILABLE')
}

/** Writes the epoch of this owner into the checkpoint: from here on earlier owners are refused. */
async function takenOver<ReadModel>(run: PartitionRun<ReadModel>, decided: Decided): Promise<TargetCheckpoint> {
  const { projection, partition } = run
  if (projection.partitions > 1) await begunTogether(run)
  const isAlone = projection.partitions === 1
  const name = checkpointName(projection, partition)
  const checkpoint = await persistently(run, () => withEpoch(run, name, isAlone ? projection.empty : undefined))
  await persistently(run, () => unparkedWhatIsNot(run, checkpoint, decided))
  const head = await persistently(run, () => run.store.head({ signal: run.signal }))
  if (checkpoint.position > head) run.told.isBeyondLog(checkpoint.position, head)
  return checkpoint
}

/**
 * Forgets why events were set aside that are not: whoever wrote that down was cut off before a checkpoint named them, or
 * after one did not any more.
 */
async function unparkedWhatIsNot<ReadModel>(
  { projection, target, shelf, generation, partition, epoch }: PartitionRun<ReadModel>,
  { parked }: TargetCheckpoint,
  decided: Decided,
): Promise<void> {
  const positions = new Set([...parked.map(({ position }) => position), ...decided.keys()])
  const strays: Kept<ParkedInProjection>[] = []
  for await (const entry of shelf.parkedEntries(projection.name, generation)) {
    if (entry.value.partition === partition && !positions.has(entry.value.position)) strays.push(entry)
  }
  if (strays.length === 0) return
  // A process may hang above until another one has taken over, whose parked events it must not take for strays. That one
  // wrote its epoch before it parked any.
  const now = await target.checkpoint(checkpointName(projection, partition))
  if (now?.epoch !== epoch) return
  for (const entry of strays) await shelf.remove(entry)
}

/** The first of many partitions empties the read model for all of them, before any of them writes. */
async function begunTogether<ReadModel>(run: PartitionRun<ReadModel>): Promise<void> {
  const { projection, target } = run
  const name = checkpointName(projection, 0)
  const isBegun = async (): Promise<boolean> => (await target.checkpoint(name)) !== undefined
  await persistently(run, async () => {
    if (await isBegun()) return
    const next = firstCheckpoint(projection.version)
    try {
      await target.write({ projection: name, expected: undefined, next, empty: true, apply: projection.empty })
    } catch (error) {
      if (!(await isBegun())) throw error
    }
  })
}

/** Looks again for as long as an owner before this one comes first: it goes on until it knows that it is not the owner. */
async function withEpoch<ReadModel>(
  { projection, target, epoch, signal }: PartitionRun<ReadModel>,
  name: string,
  empty: Projection<ReadModel>['empty'] | undefined,
): Promise<TargetCheckpoint> {
  for (let found = await target.checkpoint(name); ; ) {
    signal.throwIfAborted()
    if (found !== undefined && found.epoch > epoch) throw new CheckpointConflict(name)
    if (found?.epoch === epoch) return found
    const next = found === undefined ? firstCheckpoint(projection.version, epoch) : { ...found, epoch }
    const isFirst = found === undefined && empty !== undefined
    const apply = isFirst ? empty : () => undefined
    try {
      await target.write({ projection: name, expected: found, next, empty: isFirst, apply })
      return next
    } catch (error) {
      const now = await target.checkpoint(name)
      if (!isVarveError(error, 'CHECKPOINT_CONFLICT') || checkpointHolds(found, now)) throw error
      found = now
    }
  }
}

/**
 * Events of the first batch after a start; each later one may have twice as many. Where owners come and go faster than a
 * full batch of slow handlers takes, nothing would ever be saved otherwise.
 */
const firstBatchEvents = 32

async function followed<ReadModel>(
  run: PartitionRun<ReadModel>,
  from: TargetCheckpoint,
  stretches: AsyncGenerator<Stretch>,
  decided: Decided,
  saved: (checkpoint: TargetCheckpoint) => void,
): Promise<void> {
  const { told, clock } = run
  let checkpoint = from
  let state: GrowingBatches = { savedPosition: checkpoint.position, pending: [], batchEvents: firstBatchEvents }
  let askedAtMs = clock.now()
  let isLive = false
  for await (const stretch of stretches) {
    if (!isLive) told.counted({ loadMs: clock.now() - askedAtMs })
    const before = isLive ? 'live' : 'catching_up'
    isLive = stretch.isEnd
    const step = gatherStretch(state, stretch)
    state = step.state
    for (const save of step.saves) {
      if (!isWorthSaving(save, checkpoint)) continue
      for await (checkpoint of savedBatch(run, checkpoint, save, decided)) {
        saved(checkpoint)
        told.reached(checkpoint, before)
      }
    }
    // Where nothing is pending the read model is as far as the stretch, although the checkpoint need not be.
    const reached = state.pending.length === 0 ? { ...checkpoint, position: stretch.upTo } : checkpoint
    told.reached(reached, isLive ? 'live' : 'catching_up')
    askedAtMs = clock.now()
  }
}

/** A place that moved over nothing but what others wrote need not be saved each time. */
function isWorthSaving({ events, position }: SaveEffect, checkpoint: TargetCheckpoint): boolean {
  return events.length > 0 || position - checkpoint.position >= limits.pageEvents
}
