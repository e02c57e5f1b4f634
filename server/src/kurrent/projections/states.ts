import type { EventStore } from 'varve'
import { CallFailed } from '../grpc/status.ts'
import { ProjectionFault } from './fault.ts'
import { Fold } from './fold.ts'
import { IsolateLost } from './isolate/isolate.ts'
import { loadPlace, loadState } from './place.ts'
import type { Registered } from './registry.ts'
import type { Supervisor } from './supervisor.ts'

/** What projections have made of the events: of those that run here as they are now, of others as they were saved last. */
export class States {
  readonly #store: EventStore
  readonly #supervisor: Supervisor
  /** One isolate at a time for what does not run here. */
  #turn: Promise<unknown> = Promise.resolve()

  constructor(store: EventStore, supervisor: Supervisor) {
    this.#store = store
    this.#supervisor = supervisor
  }

  /** A partition's state as JSON, the projection's own without one; undefined for none. */
  async stateOf(registered: Registered, partition: string): Promise<string | undefined> {
    const fold = this.#supervisor.runOf(registered.name)?.fold
    if (fold !== undefined) return fold.stateOf(partition)
    if (partition !== '') return loadState(this.#store, registered, partition)
    const { state } = await loadPlace(this.#store, registered)
    return state ?? undefined
  }

  /** Its result: the state, as the query transforms it. */
  async resultOf(registered: Registered, partition: string): Promise<string | undefined> {
    const fold = this.#supervisor.runOf(registered.name)?.fold
    try {
      if (fold !== undefined) return await resultIn(fold, partition)
    } catch (error) {
      // It ended meanwhile.
      if (!(error instanceof IsolateLost)) throw refusalOf(error)
    }
    const result = this.#turn.then(() => this.#foldedResult(registered, partition))
    this.#turn = result.catch(() => undefined)
    return result
  }

  async #foldedResult(registered: Registered, partition: string): Promise<string | undefined> {
    try {
      await using fold = await Fold.open(this.#supervisor.foldParts(registered))
      return await resultIn(fold, partition)
    } catch (error) {
      throw refusalOf(error)
    }
  }
}

async function resultIn(fold: Fold, partition: string): Promise<string | undefined> {
  const state = await fold.stateOf(partition)
  return state === undefined ? undefined : ((await fold.resultOf(state)) ?? undefined)
}

function refusalOf(error: unknown): unknown {
  return error instanceof ProjectionFault ? new CallFailed('failedPrecondition', error.message) : error
}

/** A JSON value as google.protobuf.Value has it; nothing is an empty object. */
export function protobufValue(json: string | undefined): object {
  return messageOf(json === undefined ? {} : JSON.parse(json))
}

function messageOf(value: unknown): object {
  if (typeof value === 'string') return { stringValue: value }
  if (typeof value === 'number') return { numberValue: value }
  if (typeof value === 'boolean') return { boolValue: value }
  if (Array.isArray(value)) return { listValue: { values: value.map(messageOf) } }
  if (value === null || value === undefined) return { nullValue: 0 }
  return {
    structValue: { fields: Object.fromEntries(Object.entries(value).map(([key, one]) => [key, messageOf(one)])) },
  }
}
