import type { EventStore } from 'varve'

/** At which version streams of a store are, once what is on its way there has arrived. */
export interface LastVersions {
  of(stream: string): Promise<number>
  /** Says that an event is on its way. */
  reached(stream: string, version: number): void
}

/**
 * Streams that are remembered, at least. What is on its way is less by far, and everything else can be asked for; with a
 * store behind a network each question is a round trip.
 */
const streamsRemembered = 50_000

/** Asks the store about streams of which nothing is remembered. */
export function createLastVersions(store: EventStore): LastVersions {
  let older: ReadonlyMap<string, number> = new Map()
  let recent = new Map<string, number>()
  const reached = (stream: string, version: number): void => {
    const known = recent.get(stream) ?? older.get(stream) ?? 0
    recent.set(stream, Math.max(known, version))
    if (recent.size < streamsRemembered) return
    older = recent
    recent = new Map()
  }
  return {
    reached,
    of: async (stream) => {
      const known = recent.get(stream) ?? older.get(stream)
      if (known !== undefined) return known
      const { version } = await store.streamInfo(stream)
      reached(stream, version)
      return version
    },
  }
}
