import type { EventStore } from '../event-store.ts'
import type { RecordedEvent } from '../model/event.ts'
import { limits } from '../model/limits.ts'
import {
  firstCheckpoint,
  type Generation,
  type Generations,
  type Target,
  type TargetCheckpoint,
} from '../model/target.ts'
import { applied, savedWholeOrHalved } from './apply.ts'
import type { SaveEffect } from './gathering.ts'
import { checkpointName } from './partition-run.ts'
import { type Projection, partitionOf } from './projection.ts'

/** How far a partition has come, and what of the way is not in the read model. */
export interface Goal {
  readonly position: number
  readonly leftOut: ReadonlySet<number>
}

/** A fresh build of a read model for nobody but who asked. */
export interface Scratch {
  /** Brings each partition to where another build of it is. */
  upTo(goals: readonly Goal[]): Promise<void>
}

/** Where a fresh build is made. */
export interface ScratchPlace<ReadModel> {
  readonly generations: Generations<ReadModel>
  readonly scratch: Generation
  readonly signal: AbortSignal
}

/** Begins a fresh build. */
export async function createScratch<ReadModel>(
  store: Pick<EventStore, 'readAll'>,
  projection: Projection<ReadModel>,
  place: ScratchPlace<ReadModel>,
): Promise<Scratch> {
  let target = await begun(projection, place)
  let reached: readonly Goal[] = []

  return {
    upTo: async (goals) => {
      // What was left out of this build and is in the other by now would be missing here for ever.
      if (reached.some(({ leftOut }, index) => isLess(goals[index]?.leftOut, leftOut))) {
        await target.close()
        await place.generations.drop(place.scratch)
        target = await begun(projection, place)
        reached = []
      }
      for (const [index, goal] of goals.entries()) {
        const from = reached[index]?.position ?? 0
        await partitionUpTo({ store, projection, target, partition: index + 1, from, goal, signal: place.signal })
      }
      reached = goals
    },
  }
}

function isLess(now: ReadonlySet<number> = new Set(), before: ReadonlySet<number>): boolean {
  return [...before].some((position) => !now.has(position))
}

async function begun<ReadModel>(
  projection: Projection<ReadModel>,
  { generations, scratch }: ScratchPlace<ReadModel>,
): Promise<Target<ReadModel>> {
  const target = await generations.open(scratch)
  const next = firstCheckpoint(projection.version)
  const name = checkpointName(projection, 0)
  await target.write({
    ...{ projection: name, expected: undefined, next, empty: true },
    apply: (readModel) => projection.empty(readModel),
  })
  return target
}

interface Stretch<ReadModel> {
  readonly store: Pick<EventStore, 'readAll'>
  readonly projection: Projection<ReadModel>
  readonly target: Target<ReadModel>
  readonly partition: number
  readonly from: number
  readonly goal: Goal
  readonly signal: AbortSignal
}

async function partitionUpTo<ReadModel>(stretch: Stretch<ReadModel>): Promise<void> {
  const { store, projection, target, partition, from, goal, signal } = stretch
  const { partitions, filter, keyOf } = projection
  const name = checkpointName(projection, partition)
  let batch: RecordedEvent[] = []
  let checkpoint = await target.checkpoint(name)
  const write = async ({ events, position }: SaveEffect, expected: typeof checkpoint): Promise<TargetCheckpoint> => {
    const next = { ...firstCheckpoint(projection.version), position }
    const apply = (readModel: ReadModel): unknown => applied(projection, events, readModel)
    await target.write({ projection: name, expected, next, empty: false, apply, events })
    return next
  }
  const save = async (): Promise<void> => {
    const position = batch.at(-1)?.position ?? goal.position
    checkpoint = await savedWholeOrHalved({ events: batch, position }, checkpoint, write)
    batch = []
  }
  for await (const event of store.readAll({ from: from + 1, filter, signal })) {
    if (event.position > goal.position) break
    if (goal.leftOut.has(event.position) || partitionOf(keyOf(event), partitions) !== partition) continue
    batch.push(event)
    if (batch.length >= limits.projectionEvents) await save()
  }
  if (batch.length > 0) await save()
}
