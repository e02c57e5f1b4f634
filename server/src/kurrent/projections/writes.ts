import type { EventStore, NewEvent, StreamWrite } from 'varve'
import { linkType } from '../streams/links.ts'
import { binaryContentType, jsonContentType } from '../streams/proposed-event.ts'
import { emittedEvent, idOf, refuseUnemittable } from './emitted.ts'
import { ProjectionFault, placeOf } from './fault.ts'
import type { Definition, Output, PackedEvent } from './isolate/exchange.ts'
import { checkpointText, checkpointType, markText, type Place, stateType } from './place.ts'
import type { Registered } from './registry.ts'
import { startOver } from './start-over.ts'
import { checkpointStream, emittedStreams, partitionResultStream, resultStream, stateStreamPrefix } from './streams.ts'

/**
 * What one step of a projection writes: what was emitted, the results, the checkpoint, in one append. It says which
 * checkpoint it follows, so that of two servers that fold the same events one is refused, and everything is there or nothing.
 */

/** What is to be written. */
export interface Step {
  readonly registered: Registered
  readonly definition: Definition
  readonly place: Place
  readonly next: Omit<Place, 'version'>
  readonly outputs: readonly Output[]
  /** The events that the outputs are for. */
  readonly events: readonly PackedEvent[]
  /** A fresh id: of two servers that would go on from one checkpoint none takes the other's for its own. */
  readonly checkpointId: string
}

/** What a projection knows of the streams that it writes to. */
export class WrittenStreams {
  /** Those that it emitted to, when they are tracked. */
  readonly tracked: Set<string> = new Set()
  readonly #versions = new Map<string, number>()
  /** Those that hold nothing from before a reset. */
  readonly #current = new Set<string>()

  /** Where a stream of results ends. */
  async versionOf(store: EventStore, stream: string): Promise<number> {
    const known = this.#versions.get(stream)
    if (known !== undefined) return known
    const { version } = await store.streamInfo(stream)
    if (this.#versions.size >= versionsMax) this.#versions.clear()
    this.#versions.set(stream, version)
    return version
  }

  /** What goes before the first event that a projection which was reset writes to a stream. */
  async startedOver(store: EventStore, registered: Registered, stream: string): Promise<StreamWrite | undefined> {
    if (registered.epoch === 0 || this.#current.has(stream)) return undefined
    if (this.#current.size >= versionsMax) this.#current.clear()
    this.#current.add(stream)
    return startOver(store, registered, stream)
  }

  appended(stream: string, version: number): void {
    if (this.#versions.has(stream)) this.#versions.set(stream, version)
  }
}

const versionsMax = 10_000

/** @throws ProjectionFault when something is no event that the store takes. */
export async function writesOf(store: EventStore, step: Step, written: WrittenStreams): Promise<StreamWrite[]> {
  const { registered, definition, outputs, events } = step
  const causes = new Map(events.map((event) => [event[0], event]))
  const appends = new Map<string, NewEvent[]>()
  const expected = new Map<string, number>()
  const put = (stream: string, event: NewEvent): number => {
    const list = appends.get(stream) ?? []
    appends.set(stream, list)
    return list.push(event)
  }
  for (const output of outputs) {
    const [position, , kind, place] = output
    const cause = causes.get(position)
    if (cause === undefined) throw new ProjectionFault(`Something was emitted for no event, at position ${position}.`)
    if (kind === 'emit') {
      if (!registered.emitEnabled) throw notAllowed(cause)
      refuseUnemittable(output, place, cause)
      put(place, emittedEvent(registered, output, cause))
      if (registered.trackEmitted && !written.tracked.has(place)) {
        written.tracked.add(place)
        put(emittedStreams(registered), trackedEvent(registered, place))
      }
      continue
    }
    const root = resultStream(registered, definition.resultStream)
    const stream = place === '' ? root : partitionResultStream(registered, place, definition.partitionResultPattern)
    refuseUnemittable(output, stream, cause)
    if (place === '') {
      put(root, emittedEvent(registered, output, cause))
      continue
    }
    const before = await written.versionOf(store, stream)
    expected.set(stream, before)
    const revision = before + put(stream, emittedEvent(registered, output, cause)) - 1
    const link: Output = [position, 0, 'result', `link:${place}`, linkType, `${revision}@${stream}`, null, false]
    put(root, emittedEvent(registered, link, cause))
  }
  const begun: StreamWrite[] = []
  for (const stream of appends.keys()) {
    const write = await written.startedOver(store, registered, stream)
    if (write !== undefined) begun.push(write)
  }
  const writes = [...appends].map(([streamId, list]): StreamWrite => {
    const expectedVersion = expected.get(streamId)
    return { streamId, events: list, ...(expectedVersion !== undefined && { expectedVersion }) }
  })
  return [...begun, ...writes, checkpointWrite(step)]
}

function checkpointWrite({ registered, place, next, checkpointId }: Step): StreamWrite {
  const event: NewEvent = {
    id: checkpointId,
    type: checkpointType,
    data: Buffer.from(checkpointText(next.state, next.shared)),
    contentType: jsonContentType,
    metadata: Buffer.from(markText(registered, next.position)),
    metadataContentType: jsonContentType,
  }
  return { ...guard(registered, place), events: [event] }
}

/** Says which checkpoint was the last one. */
export function guard(registered: Registered, { version }: Place): StreamWrite {
  return { streamId: checkpointStream(registered), events: [], expectedVersion: version }
}

/** A partition's state, and the checkpoint that it belongs to. */
export interface StateToWrite {
  readonly id: string
  readonly partition: string
  readonly state: string
  readonly position: number
  readonly checkpointId: string
}

/** The write of a partition's state. */
export function stateWrite(registered: Registered, given: StateToWrite): StreamWrite {
  const { id, partition, state, position, checkpointId } = given
  const event: NewEvent = {
    id,
    type: stateType,
    data: Buffer.from(state),
    contentType: jsonContentType,
    metadata: Buffer.from(markText(registered, position, checkpointId)),
    metadataContentType: jsonContentType,
  }
  return { streamId: stateStreamPrefix(registered) + partition, events: [event] }
}

function trackedEvent({ id, epoch }: Registered, stream: string): NewEvent {
  return {
    id: idOf([id, epoch, 'tracked', stream]),
    type: '$StreamTracked',
    data: Buffer.from(stream),
    contentType: binaryContentType,
  }
}

function notAllowed(cause: PackedEvent): ProjectionFault {
  const problem = `'emit' is not allowed by the projection: enable it when the projection is created or updated.`
  return new ProjectionFault(`${problem} It emitted for event ${placeOf(cause)}.`, cause[0])
}
