import type { Clock } from '../engine/clock.ts'
import { systemClock, systemRandom } from '../engine/system-clock.ts'
import type { EventStore } from '../event-store.ts'
import type { CallOptions } from '../model/call.ts'
import { InvalidArgument } from '../model/errors.ts'
import { fieldsOf, refuseUnknownOptions } from '../model/known-fields.ts'
import { NoSuchProjection, ProjectionBusy } from '../model/projection-errors.ts'
import type { Target, TargetCheckpoint, TargetEntry } from '../model/target.ts'
import { pauseProjection, resumeProjection } from './admin.ts'
import { checkpointName } from './partition-run.ts'
import { checkProjection, type Projection } from './projection.ts'
import { projectionShelf, type SharedView } from './projection-shelf.ts'
import { createScratch, type Goal } from './scratch.ts'

const optionFields = fieldsOf<VerifyOptions>({
  differencesMax: true,
  pauseMs: true,
  clock: true,
  random: true,
  signal: true,
})

/** Options of {@link verifyProjection}. */
export interface VerifyOptions extends CallOptions {
  /** Differences that are listed; all are counted. Default 100. */
  readonly differencesMax?: number | undefined
  /** How long the instances may take to pause, in milliseconds. Default 60,000. */
  readonly pauseMs?: number | undefined
  /** Default: the machine's clock. */
  readonly clock?: Clock | undefined
  /** Numbers from 0 up to 1, for the number of the scratch generation. Default: the machine's. */
  readonly random?: (() => number) | undefined
}

/** An entry in which a read model differs from what the log says. */
export interface ReadModelDifference {
  readonly key: string
  /** What a fresh build has there; undefined for nothing. */
  readonly expected?: string
  /** What the read model has there; undefined for nothing. */
  readonly actual?: string
}

/** What {@link verifyProjection} found. */
export interface Verified {
  readonly generation: number
  /** Everything up to here was compared. */
  readonly position: number
  readonly entries: number
  readonly differences: number
  /** The first of them, by key. */
  readonly listed: readonly ReadModelDifference[]
  /** Events that are parked in the read model, or were skipped, and were left out of the fresh build as well. */
  readonly leftOut: number
}

/** Scratch generations have numbers that no other has. */
const scratchFrom = 1_000_000_000

/**
 * Builds the read model that readers see anew, in a scratch generation that nobody sees, and compares the two. The
 * projection runs on while that is built, and is paused for the last stretch and the comparison.
 *
 * @throws NO_SUCH_PROJECTION when no generation is shown; PROJECTION_BUSY when the instances do not pause in time;
 *   INVALID_ARGUMENT when the version is not the one that built the read model; whatever a handler throws.
 */
export async function verifyProjection<ReadModel>(
  store: Pick<EventStore, 'shelf' | 'subscribe' | 'readAll' | 'head'>,
  projection: Projection<ReadModel>,
  options: VerifyOptions = {},
): Promise<Verified> {
  refuseUnknownOptions(options, optionFields, 'verifyProjection')
  const { differencesMax = 100, random = systemRandom, signal = new AbortController().signal } = options
  checkProjection(projection)
  const { name, target } = projection
  const { generations } = target
  const shelf = projectionShelf(store.shelf)
  const control = (await shelf.control(name)).value
  const record = control?.generations.find(({ generation }) => generation === control.published)
  if (control === undefined || record === undefined || generations === undefined) throw new NoSuchProjection(name)
  if (record.version !== projection.version || record.partitions !== projection.partitions) {
    throw new InvalidArgument(
      'projection',
      `is version ${projection.version} with ${projection.partitions} partitions, but readers see what version ${record.version} with ${record.partitions} built`,
    )
  }
  const { generation } = record
  const scratch = { projection: name, generation: scratchFrom + Math.floor(random() * scratchFrom) }
  const shown = await generations.open({ projection: name, generation })
  const goals = async (): Promise<readonly Goal[]> =>
    goalsOf(await checkpointsIn(projection, shown), await shelf.view(signal), { name, generation })
  try {
    // Most of the way while the projection runs; only the rest while it is paused.
    const build = await createScratch(store, projection, { generations, scratch, signal })
    await build.upTo(await goals())
    await pauseProjection(store, name)
    try {
      await untilStill(() => shelf.view(signal), { name, generation }, options)
      const reached = await goals()
      await build.upTo(reached)
      const [fresh, actual] = [generations.entries(scratch), generations.entries({ projection: name, generation })]
      const compared = await compare(fresh, actual, differencesMax)
      const position = Math.min(...reached.map((goal) => goal.position))
      const leftOut = reached.reduce((sum, goal) => sum + goal.leftOut.size, 0)
      return { generation, position, leftOut, ...compared }
    } finally {
      if (control.wanted === 'running') await resumeProjection(store, name)
    }
  } finally {
    await shown.close()
    await generations.drop(scratch)
  }
}

function goalsOf(
  checkpoints: readonly (TargetCheckpoint | undefined)[],
  { partitions }: SharedView,
  { name, generation }: { readonly name: string; readonly generation: number },
): readonly Goal[] {
  return checkpoints.map((checkpoint, index) => {
    const entry = partitions.find(
      ({ value }) => value.projection === name && value.generation === generation && value.partition === index + 1,
    )?.value
    const parked = checkpoint?.parked.map(({ position }) => position) ?? []
    return { position: checkpoint?.position ?? 0, leftOut: new Set([...parked, ...(entry?.skipped ?? [])]) }
  })
}

/** Waits until nobody runs any partition of a generation. */
async function untilStill(
  view: () => Promise<SharedView>,
  { name, generation }: { readonly name: string; readonly generation: number },
  { clock = systemClock, pauseMs = 60_000, signal }: VerifyOptions,
): Promise<void> {
  const untilMs = clock.now() + pauseMs
  for (;;) {
    const { partitions, members } = await view()
    const isRun = partitions.some(
      ({ value }) =>
        value.projection === name &&
        value.generation === generation &&
        members.some((member) => member.value.id === value.owner),
    )
    if (!isRun) return
    if (clock.now() >= untilMs) throw new ProjectionBusy(name, `was not paused by its instances within ${pauseMs} ms.`)
    await clock.sleep(stillMs, signal)
    signal?.throwIfAborted()
  }
}

/** Between two looks whether everybody has paused, in milliseconds. */
const stillMs = 50

function checkpointsIn<ReadModel>(
  projection: Projection<ReadModel>,
  target: Target<ReadModel>,
): Promise<readonly (TargetCheckpoint | undefined)[]> {
  const numbers = Array.from({ length: projection.partitions }, (_, index) => index + 1)
  return Promise.all(numbers.map((partition) => target.checkpoint(checkpointName(projection, partition))))
}

/** Walks two listings in the order of their keys. */
async function compare(
  expected: AsyncIterable<TargetEntry>,
  actual: AsyncIterable<TargetEntry>,
  listedMax: number,
): Promise<Pick<Verified, 'entries' | 'differences' | 'listed'>> {
  const [fresh, shown] = [expected[Symbol.asyncIterator](), actual[Symbol.asyncIterator]()]
  const listed: ReadModelDifference[] = []
  let [entries, differences] = [0, 0]
  let [ours, theirs] = [await fresh.next(), await shown.next()]
  while (ours.done !== true || theirs.done !== true) {
    entries++
    const order = compareKeys(ours, theirs)
    const difference = {
      key: (order <= 0 ? ours.value : theirs.value).key,
      ...(order <= 0 && { expected: ours.value.value }),
      ...(order >= 0 && { actual: theirs.value.value }),
    }
    if (difference.expected !== difference.actual) {
      differences++
      if (listed.length < listedMax) listed.push(difference)
    }
    if (order <= 0) ours = await fresh.next()
    if (order >= 0) theirs = await shown.next()
  }
  return { entries, differences, listed }
}

/** Below zero when ours comes first, or is the only one left. */
function compareKeys(ours: IteratorResult<TargetEntry>, theirs: IteratorResult<TargetEntry>): number {
  if (ours.done === true) return 1
  if (theirs.done === true) return -1
  return Buffer.compare(Buffer.from(ours.value.key), Buffer.from(theirs.value.key))
}
