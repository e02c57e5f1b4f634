import { isVarveError } from '../model/errors.ts'
import {
  type GenerationRecord,
  generationToPublish,
  type ProjectionControl,
  recordOf,
  withDropped,
  withGenerationFor,
  withPublished,
} from './control.ts'
import type { Projection } from './projection.ts'
import {
  controlKey,
  type Kept,
  noCounts,
  type PartitionEntry,
  type ProjectionShelf,
  partitionKey,
  type SharedView,
} from './projection-shelf.ts'
import type { ProjectionLogLine } from './running-partition.ts'
import { isLive } from './status.ts'

/** What came of preparing generations. */
export interface Prepared {
  /** Everything is there that the projections need. */
  readonly isComplete: boolean
  /** Projections that cannot be run here, and why. */
  readonly unable: ReadonlyMap<string, Pick<ProjectionLogLine, 'level' | 'text' | 'error'>>
}

/** Makes the generations that the versions of some projections need, and the entries of their partitions. */
export async function prepareGenerations(
  shelf: ProjectionShelf,
  projections: readonly Projection<unknown>[],
  view: SharedView,
  { nowMs, head }: { readonly nowMs: number; readonly head: () => Promise<number> },
): Promise<Prepared> {
  const missing: Kept<unknown>[] = []
  const unable = new Map<string, Pick<ProjectionLogLine, 'level' | 'text' | 'error'>>()
  for (const { name, version, partitions } of projections) {
    const kept = view.controls.find(({ value }) => value.name === name)
    const isKnown = kept?.value.generations.some((record) => record.version === version && record.role !== 'retired')
    const beginning = { name, version, partitions, nowMs, head: isKnown ? 0 : await head() }
    try {
      const control = withGenerationFor(kept?.value, beginning)?.control
      if (control === undefined) {
        unable.set(name, { level: 'warn', text: `Version ${version} has nothing to run: ${outdated}` })
      } else if (control !== kept?.value) {
        missing.push({ key: controlKey(name), value: control, entryVersion: kept?.entryVersion ?? 0 })
      } else {
        const own = control.generations.filter((record) => record.version === version && record.role !== 'retired')
        missing.push(...own.flatMap((record) => missingEntries(name, record, view)))
      }
    } catch (error) {
      if (!isVarveError(error, 'INVALID_ARGUMENT')) throw error
      unable.set(name, { level: 'error', text: `It is not run here: ${error.message}.`, error })
    }
  }
  for (const entry of missing) await shelf.put(entry)
  return { isComplete: missing.length === 0, unable }
}

const outdated = 'a newer one has taken over. Run that one, or give this code a version above it.'

function missingEntries(
  projection: string,
  { generation, partitions }: GenerationRecord,
  view: SharedView,
): readonly Kept<PartitionEntry>[] {
  return Array.from({ length: partitions }, (_, index) => index + 1)
    .map((partition) => ({ partition, key: partitionKey(projection, generation, partition) }))
    .filter(({ key }) => !view.partitions.some((kept) => kept.key === key))
    .map(({ partition, key }) => {
      const place = { projection, generation, partition }
      const start = {
        state: 'new',
        epoch: 0,
        position: 0,
        parked: 0,
        counts: noCounts,
        skipped: [],
        requests: [],
      } as const
      return { key, value: { ...place, ...start }, entryVersion: 0 }
    })
}

/** What showing a generation is decided by. */
export interface Showing {
  readonly kept: Kept<ProjectionControl>
  readonly entries: readonly PartitionEntry[]
  /** Whether the target is asked, too: somebody who hung may have shown readers what is not agreed on any more. */
  readonly looksAtTarget: boolean
  readonly swap: 'when_caught_up' | 'manual'
  readonly keepsPrevious: boolean
  readonly log: (line: ProjectionLogLine) => void
  /** Whether readers see more than what a generation that is to be shown to them has reached. */
  readonly isBehind: (control: ProjectionControl, reached: number) => Promise<boolean>
}

/**
 * Shows readers the generation that is due, if one is, and gives what is agreed on then. Readers do not go back: it has come
 * as far as the one they saw, unless somebody takes a swap back.
 */
export async function showDue(
  shelf: ProjectionShelf,
  { name, target }: Pick<Projection<unknown>, 'name' | 'target'>,
  { kept, entries, looksAtTarget, swap, keepsPrevious, log, isBehind }: Showing,
): Promise<ProjectionControl> {
  const control = kept.value
  const of = (generation: number): readonly PartitionEntry[] =>
    entries.filter((entry) => entry.generation === generation)
  const lowest = (generation: number): number => Math.min(...of(generation).map(({ position }) => position))
  const isBegun = (generation: number): boolean =>
    of(generation).length === recordOf(control, generation).partitions && of(generation).every(({ epoch }) => epoch > 0)
  const hasCaughtUp = (generation: number): boolean =>
    isBegun(generation) &&
    of(generation).every(({ state }) => isLive(state)) &&
    (control.published === undefined || lowest(generation) >= lowest(control.published))
  const generation = generationToPublish(control, hasCaughtUp, swap)
  if (generation === undefined || of(generation).some(({ state }) => state === 'new') || !isBegun(generation)) {
    if (looksAtTarget) await showAgreed(control, target)
    return control
  }
  const isNew = recordOf(control, generation).role === 'building'
  if (isNew && (await isBehind(control, lowest(generation)))) return control
  await target.generations?.publish({ projection: name, generation })
  const written = await shelf.put({ ...kept, value: withPublished(control, generation, keepsPrevious) })
  if (written !== 'conflict') {
    log({ level: 'info', projection: name, generation, text: `Readers see generation ${generation} from now on.` })
    return written.value
  }
  // Somebody else changed meanwhile what is to be seen: what they wrote is what readers get.
  const { value: changed = control } = await shelf.control(name)
  await showAgreed(changed, target)
  return changed
}

/** An instance that hung, or was killed, half way through a swap may have shown readers what is not agreed on any more. */
async function showAgreed(
  { name, published: generation }: ProjectionControl,
  { generations }: Projection<unknown>['target'],
): Promise<void> {
  if (generation === undefined || (await generations?.published(name)) === generation) return
  await generations?.publish({ projection: name, generation })
}

/** Whether the time of a generation is over, and it is not removed yet. */
export function isRetired({ role, isDropped }: GenerationRecord): boolean {
  return role === 'retired' && isDropped !== true
}

/** What dropping a generation needs to know. */
export interface Dropping {
  readonly isAlive: (instance: string) => boolean
  /** Closes what is open of a generation in this process. */
  readonly close: (name: string, generation: number) => Promise<void>
}

/** Removes the read model of a retired generation, once nobody runs it, with all that the shelf has about it. */
export async function dropRetired(
  shelf: ProjectionShelf,
  { name, target }: Pick<Projection<unknown>, 'name' | 'target'>,
  entries: readonly PartitionEntry[],
  { isAlive, close }: Dropping,
): Promise<void> {
  const { value: control, ...kept } = await shelf.control(name)
  const isRun = (generation: number): boolean =>
    entries.some((entry) => entry.generation === generation && entry.owner !== undefined && isAlive(entry.owner))
  const retired = control?.generations.find((record) => isRetired(record) && !isRun(record.generation))
  if (control === undefined || retired === undefined) return
  const { generation } = retired
  await close(name, generation)
  await target.generations?.drop({ projection: name, generation })
  await shelf.clear(name, generation)
  await shelf.put({ ...kept, value: withDropped(control, generation) })
}
