/**
 * What a reaction keeps on the shelf of its store: its place, its processes, and its open deadlines in the order in which
 * they are due. A process is one entry, so it changes whole or not at all. A deadline is entered before its process says
 * that it is open and struck off after the process says that it is not: a crash in between leaves one too many, never
 * one too few.
 */

import { type Patience, patiently } from '../engine/patience.ts'
import { isVarveError } from '../model/errors.ts'
import type { ShelfItem, StoreShelf } from '../model/shelf.ts'
import { CheckpointConflict } from '../model/shelf-errors.ts'
import type { EnteredDeadline, OpenDeadline, Process, Step } from './process.ts'

/** How far a reaction has come. */
export interface Place {
  /** Of the reaction that folded the states. */
  readonly version: number
  /** Everything up to here was handled. */
  readonly position: number
  /** Events up to here are folded into states, and nothing follows from them. */
  readonly silentUntil: number
}

/** A value and the version of its entry, 0 for none. */
export interface Kept<Value> {
  readonly value: Value
  readonly entryVersion: number
}

/** A reaction's part of the shelf. Every write names the version it replaces, so of two runners one is told. */
export interface ProcessShelf {
  place(): Promise<Kept<Place | undefined>>
  savePlace(place: Place, entryVersion: number): Promise<number>
  process(processId: string): Promise<Kept<Process | undefined>>
  /** Saves a process alone. */
  saveProcess(processId: string, process: Process, entryVersion: number): Promise<Kept<Process>>
  /** Saves a process, and enters and strikes off its deadlines around that. */
  saveStep(processId: string, step: Step, entryVersion: number): Promise<Kept<Process>>
  removeProcess(processId: string, entryVersion: number): Promise<void>
  /** The next deadlines in the order in which they are due. */
  deadlines(limit: number): Promise<readonly EnteredDeadline[]>
  strike(deadline: Pick<OpenDeadline, 'id' | 'dueAtMs'>): Promise<void>
}

/** Digits of the latest date there is. */
const dueDigits = 16

/** The part of a shelf that belongs to a reaction. */
export function processShelf(shelf: StoreShelf, name: string, patience: Patience): ProcessShelf {
  const prefix = `reaction/${name}/`
  const keyOf = (processId: string): string => `${prefix}process/${processId}`
  const dueKey = ({ id, dueAtMs }: Pick<OpenDeadline, 'id' | 'dueAtMs'>): string =>
    `${prefix}deadline/${String(dueAtMs).padStart(dueDigits, '0')}/${id}`

  async function get<Value>(key: string): Promise<Kept<Value | undefined>> {
    const item = await patiently(patience, () => shelf.get(key))
    return { value: item?.value as Value | undefined, entryVersion: item?.version ?? 0 }
  }

  const put = (key: string, value: unknown, expectedVersion: number): Promise<number> =>
    patiently(patience, async (earlier) => {
      try {
        return await shelf.put(key, value, { expectedVersion })
      } catch (error) {
        if (!isVarveError(error, 'SHELF_CONFLICT')) throw error
        const stored = earlier ? await shelf.get(key) : undefined
        if (stored !== undefined && isWritten(stored, value, expectedVersion)) return stored.version
        throw new CheckpointConflict(name)
      }
    })

  const remove = (key: string, expectedVersion?: number): Promise<void> =>
    patiently(patience, async () => {
      try {
        await shelf.delete(key, expectedVersion === undefined ? {} : { expectedVersion })
      } catch (error) {
        if (!isVarveError(error, 'SHELF_CONFLICT')) throw error
        // What is gone is gone, also where only the answer to an earlier attempt was lost.
        if ((await shelf.get(key)) !== undefined) throw new CheckpointConflict(name)
      }
    })

  const enter = (processId: string, { id, dueAtMs, cause, setBy }: OpenDeadline): Promise<number> => {
    const { position } = cause
    const entered: EnteredDeadline = { id, dueAtMs, processId, position, ...(setBy !== undefined && { setBy }) }
    return patiently(patience, () => shelf.put(dueKey(entered), entered))
  }

  const strike: ProcessShelf['strike'] = (deadline) => remove(dueKey(deadline))

  const saveProcess: ProcessShelf['saveProcess'] = async (processId, process, entryVersion) => ({
    value: process,
    entryVersion: await put(keyOf(processId), process, entryVersion),
  })

  return {
    place: () => get<Place>(`${prefix}place`),
    savePlace: (place, entryVersion) => put(`${prefix}place`, place, entryVersion),
    process: (processId) => get<Process>(keyOf(processId)),
    saveProcess,
    saveStep: async (processId, { process, entered, struck }, entryVersion) => {
      await Promise.all(entered.map((deadline) => enter(processId, deadline)))
      const kept = await saveProcess(processId, process, entryVersion)
      await Promise.all(struck.map(strike))
      return kept
    },
    removeProcess: (processId, entryVersion) => remove(keyOf(processId), entryVersion),
    deadlines: async (limit) => {
      const items = await patiently(patience, () => shelf.list({ prefix: `${prefix}deadline/`, limit }).toArray())
      return items.map(({ value }) => value as EnteredDeadline)
    },
    strike,
  }
}

/** Whether what is stored is what an attempt wrote whose answer was lost. */
function isWritten(stored: ShelfItem, value: unknown, expectedVersion: number): boolean {
  return stored.version === expectedVersion + 1 && JSON.stringify(stored.value) === JSON.stringify(value)
}
