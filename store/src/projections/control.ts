/**
 * The life of a projection's generations, as pure changes of the one entry that all of its instances share:
 *
 * building > published > kept > retired
 *          > retired            kept > published (taken back)
 *
 * Invariants: readers see one generation, at most; a number is never used twice; only one is built at a time; what is
 * published is never retired.
 */
import { InvalidArgument } from '../model/errors.ts'
import { NoSuchProjection, ProjectionBusy } from '../model/projection-errors.ts'
import type { GenerationRole } from '../model/projection-status.ts'

/** What all instances of a projection agree on. */
export interface ProjectionControl {
  readonly name: string
  readonly wanted: 'running' | 'paused'
  readonly published?: number
  /** The highest number ever given. */
  readonly lastGeneration: number
  readonly generations: readonly GenerationRecord[]
}

/** One build of a read model. */
export interface GenerationRecord {
  readonly generation: number
  readonly version: number
  readonly partitions: number
  readonly role: GenerationRole
  readonly beganAtMs: number
  /** The head of the log when it began. */
  readonly headAtStart: number
  /** Somebody asked for it to be shown as soon as it can be. */
  readonly isCalledFor?: true
  /** Its read model is removed. */
  readonly isDropped?: true
}

/** What a new generation is begun with. */
export interface Beginning {
  readonly name: string
  readonly version: number
  readonly partitions: number
  readonly nowMs: number
  readonly head: number
}

/** Retired generations that are remembered. */
const rememberedMax = 10

/**
 * The control entry with a generation of this version, and its number. Undefined when a newer version has taken over and
 * this one has nothing left to run.
 */
export function withGenerationFor(
  control: ProjectionControl | undefined,
  beginning: Beginning,
): { readonly control: ProjectionControl; readonly generation: number } | undefined {
  const { name, version, partitions } = beginning
  const known = control ?? { name, wanted: 'running', lastGeneration: 0, generations: [] }
  const alive = known.generations.filter(({ role }) => role !== 'retired')
  const own = alive.findLast((record) => record.version === version)
  if (own !== undefined) {
    if (own.partitions !== partitions) {
      throw new InvalidArgument(
        'partitions',
        `is ${partitions}, but version ${version} of projection ${JSON.stringify(name)} has ${own.partitions}: raise the version with the number`,
      )
    }
    return { control: known, generation: own.generation }
  }
  if (alive.some((record) => record.version > version)) return undefined
  return begun(withoutBuilding(known), beginning)
}

/** The control entry with one more generation of the newest version, to be built from the first event. */
export function withRebuild(
  control: ProjectionControl,
  { nowMs, head }: Pick<Beginning, 'nowMs' | 'head'>,
): { readonly control: ProjectionControl; readonly generation: number } {
  const building = control.generations.find(({ role }) => role === 'building')
  if (building !== undefined) {
    throw new ProjectionBusy(
      control.name,
      `is building generation ${building.generation}: wait for it, or retire that generation first.`,
    )
  }
  const newest = control.generations.findLast(({ role }) => role !== 'retired')
  if (newest === undefined) throw new NoSuchProjection(control.name)
  const { version, partitions } = newest
  return begun(control, { name: control.name, version, partitions, nowMs, head })
}

/** The control entry that calls for a generation to be shown. */
export function callingFor(control: ProjectionControl, generation: number): ProjectionControl {
  const { role } = recordOf(control, generation)
  if (role === 'retired') throw new ProjectionBusy(control.name, `has retired generation ${generation}: rebuild it.`)
  return changed(control, ({ isCalledFor: _, ...record }) =>
    record.generation === generation && role !== 'published' ? { ...record, isCalledFor: true } : record,
  )
}

/** The control entry after a generation was shown. Of those before, one is kept to go back to, if any is to be. */
export function withPublished(
  control: ProjectionControl,
  generation: number,
  keepsPrevious: boolean,
): ProjectionControl {
  if (control.published === generation) return control
  recordOf(control, generation)
  const before = control.published
  const next = changed(control, ({ isCalledFor, ...record }) => {
    if (record.generation === generation) return { ...record, role: 'published' }
    if (record.generation === before) return { ...record, role: keepsPrevious ? 'kept' : 'retired' }
    if (record.role === 'kept') return { ...record, role: 'retired' }
    return isCalledFor === undefined ? record : { ...record, isCalledFor }
  })
  return { ...next, published: generation }
}

/** The control entry with a generation that nobody runs any more. */
export function withRetired(control: ProjectionControl, generation: number): ProjectionControl {
  recordOf(control, generation)
  if (control.published === generation) {
    throw new ProjectionBusy(control.name, `shows generation ${generation} to its readers: swap another one in first.`)
  }
  return changed(control, ({ isCalledFor: _, ...record }) =>
    record.generation === generation ? { ...record, role: 'retired' } : record,
  )
}

/** The control entry that remembers that a retired generation's read model is gone. */
export function withDropped(control: ProjectionControl, generation: number): ProjectionControl {
  const next = changed(control, (record) =>
    record.generation === generation ? { ...record, isDropped: true as const } : record,
  )
  const gone = next.generations.filter(({ isDropped }) => isDropped === true)
  const forgotten = gone.slice(0, Math.max(0, gone.length - rememberedMax))
  return { ...next, generations: next.generations.filter((record) => !forgotten.includes(record)) }
}

/** The generation to be shown now, if any: the first there is, one that was called for, or one that has caught up. */
export function generationToPublish(
  control: ProjectionControl,
  hasCaughtUp: (generation: number) => boolean,
  swap: 'when_caught_up' | 'manual',
): number | undefined {
  const called = control.generations.find(({ isCalledFor, role }) => isCalledFor === true && role !== 'retired')
  if (called !== undefined && (called.role === 'kept' || hasCaughtUp(called.generation))) return called.generation
  const building = control.generations.find(({ role }) => role === 'building')
  if (building === undefined) return undefined
  if (control.published === undefined) return building.generation
  return swap === 'when_caught_up' && hasCaughtUp(building.generation) ? building.generation : undefined
}

/** One generation's record. */
export function recordOf(control: ProjectionControl, generation: number): GenerationRecord {
  const record = control.generations.find((one) => one.generation === generation)
  if (record === undefined) throw new NoSuchProjection(control.name, generation)
  return record
}

/** A newer version makes the one pointless that an older version was still building. */
function withoutBuilding(control: ProjectionControl): ProjectionControl {
  return changed(control, (record) => (record.role === 'building' ? { ...record, role: 'retired' } : record))
}

function begun(
  control: ProjectionControl,
  { version, partitions, nowMs, head }: Beginning,
): { readonly control: ProjectionControl; readonly generation: number } {
  const generation = control.lastGeneration + 1
  const record = { generation, version, partitions, role: 'building', beganAtMs: nowMs, headAtStart: head } as const
  return {
    control: { ...control, lastGeneration: generation, generations: [...control.generations, record] },
    generation,
  }
}

function changed(
  control: ProjectionControl,
  change: (record: GenerationRecord) => GenerationRecord,
): ProjectionControl {
  return { ...control, generations: control.generations.map(change) }
}
