import { type Clock, type EventStore, type LogPositions, positionsAfter, type RecordedEvent, toText } from 'varve'
import { type Acl, aclIn, builtInAcls, type DefaultAcls, defaultAclsIn } from './acl.ts'

/**
 * The access control lists of all streams, as the log says them: those of the streams that have one, in memory.
 *
 * read from the start of the log > known > followed for ever
 *
 * They are followed instead of being read with each request: most streams have no list, and to find that out would cost every
 * first append to a stream a read. Whoever has changed a list waits until it has come round.
 */
export interface StreamAcls {
  /** The list of one stream; undefined when it has none. */
  of(stream: string): Acl | undefined
  readonly defaults: DefaultAcls
  /** Resolves once everything up to a position of the store is known. */
  reached(position: number): Promise<void>
}

/** What following needs. */
export interface StreamAclsParts {
  readonly store: Pick<EventStore, 'capabilities' | 'subscribe'>
  readonly clock: Clock
  /** Aborts when the server shuts down. */
  readonly closing: AbortSignal
  /** Hears when the store could not be followed, which is tried again. */
  readonly failed: (error: unknown) => void
}

/** The stream whose last event says which rights streams have without a list of their own. */
export const settingsStream = '$settings'

const metadataType = '$metadata'
const metadataPrefix = '$$'

/** How long to wait before the store is followed again, in milliseconds. */
const againAfterMs = 500

/** Reads the lists of all streams, and follows them until the server shuts down. */
export async function followAcls(parts: StreamAclsParts): Promise<StreamAcls> {
  const acls = new FollowedAcls(parts.store.capabilities.logShards)
  const known = Promise.withResolvers<void>()
  void followForEver(parts, acls, known)
  await known.promise
  return acls
}

async function followForEver(
  { store, clock, closing, failed }: StreamAclsParts,
  acls: FollowedAcls,
  known: PromiseWithResolvers<void>,
): Promise<void> {
  const filter = [{ types: [metadataType], streamPrefix: metadataPrefix }, { streamPrefix: settingsStream }]
  while (!closing.aborted) {
    try {
      const items = store.subscribe({ after: acls.positions, filter, marks: true, signal: closing })
      for await (const item of items) {
        if (item.kind === 'event') acls.take(item.event)
        else acls.reach(item.positions ?? acls.positions)
        if (item.kind === 'caught_up') known.resolve()
      }
    } catch (error) {
      if (closing.aborted) break
      // Before anything is served nobody would know who may do what.
      known.reject(error)
      failed(error)
    }
    await clock.sleep(againAfterMs, closing)
  }
  known.reject(closing.reason)
  acls.reach(acls.positions.map(() => Number.POSITIVE_INFINITY))
}

class FollowedAcls implements StreamAcls {
  defaults: DefaultAcls = builtInAcls
  /** Everything up to here is known, in each log shard. */
  positions: LogPositions
  readonly #acls = new Map<string, Acl>()
  readonly #waiting = new Map<() => void, number>()

  constructor(logShards: number) {
    this.positions = Array.from({ length: logShards }, () => 0)
  }

  of(stream: string): Acl | undefined {
    return this.#acls.get(stream)
  }

  reached(position: number): Promise<void> {
    if (this.#has(position)) return Promise.resolve()
    return new Promise((resolve) => this.#waiting.set(resolve, position))
  }

  take(event: RecordedEvent): void {
    if (event.streamId === settingsStream) this.defaults = defaultAclsIn(jsonIn(event))
    else if (event.type === metadataType && event.streamId.startsWith(metadataPrefix)) {
      this.#set(event.streamId.slice(metadataPrefix.length), aclIn(jsonIn(event)))
    }
    this.reach(positionsAfter(this.positions, event))
  }

  reach(positions: LogPositions): void {
    this.positions = positions
    for (const [resolve, awaited] of this.#waiting) {
      if (!this.#has(awaited)) continue
      this.#waiting.delete(resolve)
      resolve()
    }
  }

  #has(position: number): boolean {
    return position <= (this.positions[position % this.positions.length] ?? 0)
  }

  #set(stream: string, acl: Acl | undefined): void {
    if (acl === undefined) this.#acls.delete(stream)
    else this.#acls.set(stream, acl)
  }
}

function jsonIn({ rawData }: RecordedEvent): unknown {
  try {
    return JSON.parse(toText(rawData))
  } catch {
    return undefined
  }
}
