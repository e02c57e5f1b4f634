import type { Envelope, EventStore } from 'varve'
import { metadataStreamOf } from '../kurrent/streams/stream-access.ts'
import type { SourceEvent } from './connect.ts'
import { closesStream, envelopeOf, isOfSystem, scavengedAt, spokenAbout, tombstoneOf } from './from-kurrent.ts'
import { createLastVersions, type LastVersions } from './last-versions.ts'

/** An event for the store, and the one it is in the source; none when it only stands for a scavenged one. */
export interface CopiedEvent {
  readonly envelope: Envelope
  readonly event: SourceEvent | undefined
}

/** What is left out and what is filled in on the way. */
export interface CopyCounts {
  leftOut: number
  scavenged: number
}

interface Copying {
  readonly store: EventStore
  readonly versions: LastVersions
  readonly signal: AbortSignal
  readonly counts: CopyCounts
  number: number
}

/**
 * Events of a KurrentDB as those of a store into which they are imported in this order, each at the version of its revision.
 *
 * @throws NotKept when the store cannot keep an event.
 */
export async function* copiedEvents(
  events: AsyncIterable<SourceEvent>,
  store: EventStore,
  counts: CopyCounts,
  signal: AbortSignal,
): AsyncGenerator<CopiedEvent> {
  const copying: Copying = { store, versions: createLastVersions(store), signal, counts, number: 0 }
  for await (const event of events) {
    if (isOfSystem(event.streamId)) counts.leftOut++
    else if (closesStream(event)) yield await tombstone(copying, event)
    else yield* behindScavenged(copying, event)
  }
}

/** An event, behind what stands for those before it that its stream has no more. */
async function* behindScavenged(copying: Copying, event: SourceEvent): AsyncGenerator<CopiedEvent> {
  const { versions, counts } = copying
  const version = Number(event.revision) + 1
  const before = version === 1 ? 0 : await versions.of(event.streamId)
  for (let missing = before + 1; missing < version; missing++) {
    counts.scavenged++
    yield { envelope: scavengedAt(event, missing, ++copying.number), event: undefined }
  }
  const subject = spokenAbout(event)
  const subjectVersion = subject === undefined ? 0 : await versions.of(subject)
  versions.reached(event.streamId, version)
  yield { envelope: envelopeOf(event, { version, number: ++copying.number, subjectVersion }), event }
}

/** KurrentDB gives the event that closes a stream no revision; here it is the next of what is said about the stream. */
async function tombstone(copying: Copying, event: SourceEvent): Promise<CopiedEvent> {
  const { store, versions, signal } = copying
  const facts = metadataStreamOf(event.streamId)
  const there = await store.readEvent(event.id, { signal })
  const version = there?.streamId === facts ? there.version : (await versions.of(facts)) + 1
  const subjectVersion = await versions.of(event.streamId)
  versions.reached(facts, version)
  return { envelope: tombstoneOf(event, { version, number: ++copying.number, subjectVersion }), event }
}
