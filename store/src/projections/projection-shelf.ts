/**
 * What the instances of all projections share on the shelf of the store: who lives, who runs what, and what is wanted. Every
 * write names the version of the entry that it replaces.
 */
import { isVarveError } from '../model/errors.ts'
import type { ParkedInProjection, PartitionStatus, ProjectionCounts } from '../model/projection-status.ts'
import type { ShelfItem, StoreShelf } from '../model/shelf.ts'
import type { ProjectionControl } from './control.ts'

/** A value and the version of its entry, 0 for none. */
export interface Kept<Value> {
  readonly key: string
  readonly value: Value
  readonly entryVersion: number
}

/** An instance that runs projections. */
export interface Member {
  readonly id: string
  /** Raised to show that it lives. */
  readonly beat: number
  /** The version of each projection that it can run. */
  readonly versions: Readonly<Record<string, number>>
}

/** A partition of a generation: who runs it, and how that goes. */
export interface PartitionEntry extends PartitionStatus {
  readonly projection: string
  readonly generation: number
  /** Positions of events that were passed over because somebody said so, the last ones. */
  readonly skipped: readonly number[]
  /** What somebody asks of its owner. */
  readonly requests: readonly PartitionRequest[]
}

/** Something that only the owner of a partition can do. */
export type PartitionRequest =
  | { readonly kind: 'skip'; readonly position: number }
  | { readonly kind: 'replay'; readonly positions: readonly number[] }

/** Everything the instances share, as of one look. */
export interface SharedView {
  readonly controls: readonly Kept<ProjectionControl>[]
  readonly members: readonly Kept<Member>[]
  readonly partitions: readonly Kept<PartitionEntry>[]
}

const prefix = 'projection/'
const parkedPrefix = 'projection-parked/'

/** The entry of what all instances of a projection agree on. */
export const controlKey = (name: string): string => `${prefix}control/${name}`
/** The entry of an instance. */
export const memberKey = (id: string): string => `${prefix}member/${id}`
/** The entry of a partition. */
export const partitionKey = (name: string, generation: number, partition: number): string =>
  `${prefix}partition/${name}/${digits(generation)}/${digits(partition)}`
const parkedOf = (name: string, generation: number): string => `${parkedPrefix}${name}/${digits(generation)}/`

/** Nothing was done yet. */
export const noCounts: ProjectionCounts = {
  events: 0,
  batches: 0,
  retries: 0,
  skipped: 0,
  loadMs: 0,
  applyMs: 0,
  writeMs: 0,
}

/** The part of a shelf that belongs to projections. */
export interface ProjectionShelf {
  /** Of all projections. */
  view(signal?: AbortSignal): Promise<SharedView>
  control(name: string): Promise<Kept<ProjectionControl | undefined>>
  partition(key: string): Promise<Kept<PartitionEntry> | undefined>
  /** The entry as it is now, or `'conflict'` when somebody else has changed it. */
  put<Value>(kept: Kept<Value>): Promise<Kept<Value> | 'conflict'>
  remove(kept: Pick<Kept<unknown>, 'key' | 'entryVersion'>): Promise<void>
  park(name: string, event: ParkedInProjection): Promise<void>
  unpark(name: string, event: Pick<ParkedInProjection, 'generation' | 'position'>): Promise<void>
  /** By rising position, from one on. */
  parked(name: string, generation: number, from: number): AsyncIterable<ParkedInProjection>
  /** The same as they lie on the shelf, for {@link remove}. */
  parkedEntries(name: string, generation: number): AsyncIterable<Kept<ParkedInProjection>>
  parkedEvent(name: string, generation: number, position: number): Promise<ParkedInProjection | undefined>
  /** Forgets what a generation has left on the shelf. */
  clear(name: string, generation: number): Promise<void>
}

/** The part of a shelf that belongs to projections. */
export function projectionShelf(shelf: StoreShelf): ProjectionShelf {
  const parkedKey = (
    name: string,
    { generation, position }: Pick<ParkedInProjection, 'generation' | 'position'>,
  ): string => `${parkedOf(name, generation)}${digits(position)}`
  const remove: ProjectionShelf['remove'] = async ({ key, entryVersion }) => {
    try {
      await shelf.delete(key, { expectedVersion: entryVersion })
    } catch (error) {
      // Whoever changed it in the meantime wants it, or has removed it.
      if (!isVarveError(error, 'SHELF_CONFLICT')) throw error
    }
  }
  return {
    view: async (signal) => {
      const items = await shelf.list({ prefix, ...(signal && { signal }) }).toArray()
      const of = <Value>(part: string): Kept<Value>[] =>
        items.filter(({ key }) => key.startsWith(`${prefix}${part}/`)).map((item) => kept<Value>(item))
      return { controls: of('control'), members: of('member'), partitions: of('partition') }
    },
    control: async (name) => {
      const key = controlKey(name)
      const item = await shelf.get(key)
      return item === undefined ? { key, value: undefined, entryVersion: 0 } : kept(item)
    },
    partition: async (key) => {
      const item = await shelf.get(key)
      return item && kept(item)
    },
    put: async ({ key, value, entryVersion }) => {
      try {
        return { key, value, entryVersion: await shelf.put(key, value, { expectedVersion: entryVersion }) }
      } catch (error) {
        if (isVarveError(error, 'SHELF_CONFLICT')) return 'conflict'
        throw error
      }
    },
    remove,
    park: async (name, event) => {
      await shelf.put(parkedKey(name, event), event)
    },
    unpark: (name, event) => shelf.delete(parkedKey(name, event)),
    parked: async function* (name, generation, from) {
      const prefix = parkedOf(name, generation)
      const after = from > 1 ? { after: parkedKey(name, { generation, position: from - 1 }) } : {}
      for await (const { value } of shelf.list({ prefix, ...after })) yield value as ParkedInProjection
    },
    parkedEntries: async function* (name, generation) {
      for await (const item of shelf.list({ prefix: parkedOf(name, generation) })) yield kept<ParkedInProjection>(item)
    },
    parkedEvent: async (name, generation, position) =>
      (await shelf.get(parkedKey(name, { generation, position })))?.value as ParkedInProjection | undefined,
    clear: async (name, generation) => {
      for (const from of [`${prefix}partition/${name}/${digits(generation)}/`, parkedOf(name, generation)]) {
        for await (const { key } of shelf.list({ prefix: from })) await shelf.delete(key)
      }
    },
  }
}

/** Numbers in keys have the same length, so that keys are in the order of their numbers. */
function digits(number: number): string {
  return String(number).padStart(16, '0')
}

function kept<Value>({ key, value, version }: ShelfItem): Kept<Value> {
  return { key, value: value as Value, entryVersion: version }
}
