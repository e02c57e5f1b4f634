import type { AppendRequest } from '../../engine/engine.ts'
import type { StoredEvent } from '../../model/event.ts'
import { metadataStreamOf, subjectOf } from '../../model/stream.ts'
import { type Connection, each, lastOf } from './connection.ts'
import { find } from './event-ids.ts'
import { type Stands, standsOf } from './record.ts'

/**
 * What an append is judged by. It may be out of date, or a guess: whatever it is, the server checks it when the append is
 * written, and a refusal is only told after everything it rests on was asked for.
 */
export interface Knowledge {
  /** Versions of ordinary streams. */
  readonly versions: Map<string, number>
  /** What the facts about a stream have made of it, and how many they are: the version of its `$$` stream. */
  readonly facts: Map<string, Facts>
  /** Events that are stored, by their ids. */
  readonly stored: Map<string, StoredEvent>
}

/** See {@link Knowledge}. */
export interface Facts extends Stands {
  readonly version: number
}

/** The facts about a stream about which nothing was ever said. */
export const noFacts: Facts = { version: 0, truncateBefore: 1, tombstoned: false }

/** What is remembered from one append to the next. */
export interface Memory {
  recall(group: readonly AppendRequest[]): Knowledge
  remember(knowledge: Pick<Knowledge, 'versions' | 'facts'>): void
  forget(): void
}

/** Streams that are remembered. Asking for one again costs two calls. */
const streamsMax = 10_000

/** Remembers the streams that were appended to last. */
export function createMemory(): Memory {
  const versions = new Map<string, number>()
  const facts = new Map<string, Facts>()
  return {
    recall: (group) => {
      const ids = [...streamsOf(group)]
      return { versions: known(versions, ids), facts: known(facts, ids), stored: new Map() }
    },
    remember: (knowledge) => {
      put(versions, knowledge.versions)
      put(facts, knowledge.facts)
    },
    forget: () => {
      versions.clear()
      facts.clear()
    },
  }
}

function known<Value>(from: ReadonlyMap<string, Value>, ids: readonly string[]): Map<string, Value> {
  return new Map(
    ids.flatMap((id) => {
      const value = from.get(id)
      return value === undefined ? [] : [[id, value] as const]
    }),
  )
}

function put<Value>(into: Map<string, Value>, news: ReadonlyMap<string, Value>): void {
  for (const [id, value] of news) {
    into.delete(id)
    into.set(id, value)
  }
  for (const id of into.keys()) {
    if (into.size <= streamsMax) return
    into.delete(id)
  }
}

/** Fills in what is not known. A stream that is expected to be new is taken to be so, without a call. */
export async function complete(
  connection: Connection,
  group: readonly AppendRequest[],
  knowledge: Knowledge,
): Promise<void> {
  const expectedNew = new Set(
    group.flatMap(({ checks }) => checks.flatMap((check) => (isNew(check.expectedVersion) ? [check.streamId] : []))),
  )
  const missing: string[] = []
  for (const streamId of streamsOf(group)) {
    const isKnown = knowledge.facts.has(streamId) && (isFacts(streamId) || knowledge.versions.has(streamId))
    if (isKnown) continue
    if (expectedNew.has(streamId) && !isFacts(streamId)) {
      knowledge.versions.set(streamId, 0)
      knowledge.facts.set(streamId, noFacts)
    } else missing.push(streamId)
  }
  await each(missing, (streamId) => learn(connection, streamId, knowledge))
}

/** Everything anew, from the server, ids included. */
export async function verified(
  connection: Connection,
  group: readonly AppendRequest[],
  revisions: ReadonlyMap<string, number>,
): Promise<Knowledge> {
  const knowledge: Knowledge = { versions: new Map(), facts: new Map(), stored: new Map() }
  await each([...streamsOf(group)], (streamId) => learn(connection, streamId, knowledge))
  for (const [streamId, version] of knowledge.versions) {
    // KurrentDB shows nothing of a stream that it hides, but says where it stands when an append is refused.
    const revision = revisions.get(connection.names.streamName(streamId)) ?? -1
    if (version === 0) knowledge.versions.set(streamId, revision + 1)
  }
  const ids = group.flatMap(({ events }) => events.map(({ id }) => id))
  for (const event of await each(ids, (id) => find(connection, id))) {
    if (event !== undefined) knowledge.stored.set(event.id, event)
  }
  return knowledge
}

async function learn(connection: Connection, streamId: string, { versions, facts }: Knowledge): Promise<void> {
  const [version, about] = await Promise.all([
    isFacts(streamId) ? undefined : versionOf(connection, streamId),
    factsAbout(connection, streamId),
  ])
  if (version === undefined) facts.set(streamId, about)
  else {
    versions.set(streamId, version === 'closed' ? 0 : version)
    facts.set(streamId, version === 'closed' ? { ...about, tombstoned: true } : about)
  }
}

/** The version of a stream as the server has it; `'closed'` when KurrentDB itself has closed it for ever. */
export async function versionOf(connection: Connection, streamId: string): Promise<number | 'closed'> {
  const last = await lastOf(connection, connection.names.streamName(streamId))
  return last === 'closed' ? last : Number(last?.revision ?? -1) + 1
}

/** What the facts about a stream have made of it: the last one says so. */
export async function factsAbout(connection: Connection, streamId: string): Promise<Facts> {
  const last = await lastOf(connection, connection.names.streamName(metadataStreamOf(streamId)))
  if (last === undefined || last === 'closed') return noFacts
  const { truncateBefore, tombstoned } = standsOf(last) ?? noFacts
  return { version: Number(last.revision) + 1, truncateBefore, tombstoned }
}

/**
 * The streams that requests are about: written, checked, and spoken about. The version of a `$$` stream is that of the facts
 * about its subject, so that both are always of the same moment.
 */
function streamsOf(group: readonly AppendRequest[]): ReadonlySet<string> {
  const ids = new Set<string>()
  for (const { events, checks } of group) {
    for (const { streamId } of [...events, ...checks]) {
      ids.add(streamId)
      const subject = subjectOf(streamId)
      if (subject !== undefined) ids.add(subject)
    }
  }
  return ids
}

function isFacts(streamId: string): boolean {
  return subjectOf(streamId) !== undefined
}

function isNew(expected: unknown): boolean {
  return expected === 'no_stream' || expected === 0
}
