import { Pool } from 'pg'

/** A way to keep events in PostgreSQL. What it cannot do is not there. */
export interface Peer {
  /** Appends one event to a stream that is at a version; resolves once it is durable. */
  appendOne?(streamId: string, version: number, nth: number): Promise<unknown>
  /** Appends events to a new stream, all or none. */
  appendMany?(streamId: string, events: number, nth: number): Promise<unknown>
  /** Reads a stream, folds it, and appends one event if it is still where it was. */
  command?(streamId: string, nth: number): Promise<unknown>
  /** Executes a command on a stream as the library would have it, and says each time that it decides. */
  execute?(streamId: string, nth: number, decides: () => void): Promise<unknown>
  /** How many events a stream has, all of them read. */
  readStream?(streamId: string): Promise<number>
  /** Reads the whole log from its start; tells at times how many events have come, and ends when there are no more. */
  catchUp?(): AsyncIterable<number>
  /** Calls back with every event that comes from now on; resolves when it listens. */
  follow?(seen: (streamId: string, version: number) => void): Promise<unknown>
  close(): Promise<void>
}

/** How each is opened on an empty database, or on one that it has filled before. */
export type OpenPeer = (url: string) => Promise<Peer>

/** Connections that each may use. */
export const connectionsMax = 16

/** Events of a page when a whole log is read. */
export const pageEvents = 1_000

/** A pool as the peers use it. */
export function openPool(url: string): Pool {
  const pool = new Pool({ connectionString: url, max: connectionsMax })
  // An ended pool's connections hang up a little later, and find their database gone.
  pool.on('error', () => undefined)
  return pool
}

/** What a peer can do, by name; an error where it cannot. */
export function verb<Name extends keyof Peer>(peer: Peer, name: Name): NonNullable<Peer[Name]> {
  const found = peer[name]
  if (found === undefined) throw new RangeError(`This peer has no ${name}`)
  return found as NonNullable<Peer[Name]>
}
