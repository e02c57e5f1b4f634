import type { Clock, EventStore, RecordedEvent } from 'varve'
import { Refused } from '../refusal.ts'
import { metadataType, type ReadRules, readRulesIn } from './metadata-text.ts'
import { isMetadataStream, metadataStreamOf, subjectOf } from './stream-access.ts'

/** Where a stream stands for whoever reads it, in versions. */
export interface Standing {
  /** Version of the last event, 0 when there never was one. */
  readonly version: number
  /** The first version that is shown; beyond {@link version} when none is. */
  readonly firstShown: number
  /** False when it was never written, or was deleted and not written again. */
  readonly isFound: boolean
  /** Events recorded before this are not shown, in milliseconds since 1970. */
  readonly shownFromMs: number
  /** Of a stream of metadata: whether the stream that it is about shows no event. */
  readonly isSubjectHidden: boolean | undefined
}

/**
 * Where a stream stands.
 *
 * @throws Refused when it is closed for ever, which what is said about it is as well.
 */
export async function standingOf(
  store: EventStore,
  clock: Clock,
  stream: string,
  signal: AbortSignal,
): Promise<Standing> {
  if (isMetadataStream(stream)) return standingOfMetadata(store, stream, signal)
  const [info, rules] = await Promise.all([store.streamInfo(stream, { signal }), rulesOf(store, stream, signal)])
  if (info.tombstoned) throw new Refused({ kind: 'stream_deleted', stream })
  const { version, truncateBefore } = info
  const { maxCount, maxAgeSeconds } = rules
  const isDeleted = truncateBefore > version && typeof rules.truncateBefore !== 'number'
  return {
    version,
    firstShown: Math.max(truncateBefore, maxCount === undefined ? 1 : version - maxCount + 1),
    isFound: version > 0 && !isDeleted,
    shownFromMs: maxAgeSeconds === undefined ? Number.NEGATIVE_INFINITY : clock.now() - maxAgeSeconds * 1_000,
    isSubjectHidden: undefined,
  }
}

/** Of what is said about a stream only the last word is shown, as KurrentDB does. */
async function standingOfMetadata(store: EventStore, stream: string, signal: AbortSignal): Promise<Standing> {
  const [{ version }, subject] = await Promise.all([
    store.streamInfo(stream, { signal }),
    store.streamInfo(subjectOf(stream), { signal }),
  ])
  if (subject.tombstoned) throw new Refused({ kind: 'stream_deleted', stream })
  return {
    version,
    firstShown: Math.max(version, 1),
    isFound: version > 0,
    shownFromMs: Number.NEGATIVE_INFINITY,
    isSubjectHidden: !subject.exists,
  }
}

/** The rules in a stream's metadata. */
export async function rulesOf(store: EventStore, stream: string, signal: AbortSignal | undefined): Promise<ReadRules> {
  const fact = await lastMetadata(store, stream, signal)
  return fact === undefined ? noRules : readRulesIn(fact.rawData)
}

/** The rules of a stream that nobody gave any. */
const noRules: ReadRules = {}

/** The event that holds the metadata of a stream now. */
export async function lastMetadata(
  store: EventStore,
  stream: string,
  signal: AbortSignal | undefined,
): Promise<RecordedEvent | undefined> {
  const facts = store.readStream(metadataStreamOf(stream), {
    direction: 'backward',
    limit: 1,
    ...(signal !== undefined && { signal }),
  })
  const fact = await facts.first()
  return fact?.type === metadataType ? fact : undefined
}
