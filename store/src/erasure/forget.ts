/**
 * Forgetting a subject. Every step may be the last one before a crash: the same call again goes on where it ended.
 *
 * keys destroyed, for ever > nobody uses one looked up before > snapshots removed > SubjectForgotten appended
 */

import { shelfSnapshots } from '../deciders/snapshot-shelf.ts'
import type { Clock } from '../engine/clock.ts'
import { systemClock } from '../engine/system-clock.ts'
import type { EventStore } from '../event-store.ts'
import type { CallOptions } from '../model/call.ts'
import { KeyMissing } from '../model/erasure-errors.ts'
import { InvalidArgument, isVarveError } from '../model/errors.ts'
import type { EventDefinition } from '../model/event-definition.ts'
import type { KeyStore } from '../model/key-store.ts'
import { fieldsOf, refuseUnknownOptions } from '../model/known-fields.ts'
import { limits } from '../model/limits.ts'
import { defineEvents, event } from '../schema/events.ts'
import { keyRingOf } from './key-ring.ts'
import { subjectRef, subjectTag } from './subject.ts'

const forgetFields = fieldsOf<ForgetOptions>({ lostKey: true, clock: true, signal: true })

/**
 * What {@link forget} appends, to the stream `$erasure-{subject}`. Projections that keep personal data handle it: the
 * subject in it is what `subjectRef` makes of an id.
 *
 * @example
 * const emails = defineProjection({
 *   name: 'emails',
 *   events: { ...erasureEvents, ...defineEvents({ EmailGiven: event<{ customerId: string; email: string }>() }) },
 *   target: memoryTarget(() => new Map<string, string>()),
 *   on: {
 *     EmailGiven: (bySubject, { data }) => bySubject.set(subjectRef(data.customerId), data.email),
 *     SubjectForgotten: (bySubject, { data }) => bySubject.delete(data.subject),
 *   },
 * })
 */
export const erasureEvents: ErasureEvents = defineEvents({ SubjectForgotten: event<ErasedSubject>() })

type ErasureEvents = { readonly SubjectForgotten: EventDefinition<ErasedSubject, ErasedSubject> }

interface ErasedSubject {
  /** What `subjectRef` makes of its id. */
  readonly subject: string
}

/** What {@link forget} needs of a store: any store has it, embedded or remote, with personal data or beneath it. */
export type ForgetfulStore = Pick<EventStore, 'append' | 'readAll' | 'shelf'>

/** Who is to be forgotten, and where the keys are. */
export interface Forgetting {
  readonly keys: KeyStore
  /** The subject's id, as the definitions give it. */
  readonly subject: string
}

/** Options of {@link forget}. */
export interface ForgetOptions extends CallOptions {
  /**
   * What happens when the log holds data of the subject, but the key store no key and no word that it was destroyed:
   * `'accept'` gives the key up for lost and marks the subject as forgotten. Default `'refuse'`.
   */
  readonly lostKey?: 'refuse' | 'accept' | undefined
  /** Default: the machine's clock. */
  readonly clock?: Clock | undefined
}

/** What {@link forget} did. */
export interface Forgotten {
  /** The reference of the subject. */
  readonly subject: string
  /** `'unknown'`: there is no key and no event of such a subject, and nothing was changed. */
  readonly status: 'forgotten' | 'unknown'
  /** Events in the log whose personal data of the subject nobody can read any more. */
  readonly events: number
  /** Streams of these events. Snapshots of them on the shelf are removed; those that lie elsewhere are yours to remove. */
  readonly streams: readonly string[]
  /** Of SubjectForgotten: a projection that handles it and has come this far keeps nothing of the subject. 0 when unknown. */
  readonly position: number
}

/**
 * Forgets a subject: destroys its keys, so that nobody can read its personal data in the log any more, and everybody reads
 * placeholders. The log stays as it is, byte for byte. Resolves once that holds in every process that uses the key store,
 * which takes `limits.keyCacheMs`; called again, it finishes what a crash cut off, and changes nothing otherwise.
 *
 * @throws KEY_MISSING when the log holds data of the subject and the key store never heard of it; KEY_STORE_FAILED,
 *   INVALID_ARGUMENT and the errors of `EventStore.append`.
 * @example
 * const keys = fileKeys({ directory: 'keys' })
 * const { status, streams } = await forget(store, { keys, subject: 'customer-0198c6e2' })
 */
export async function forget(
  store: ForgetfulStore,
  { keys, subject }: Forgetting,
  options: ForgetOptions = {},
): Promise<Forgotten> {
  refuseUnknownOptions(options, forgetFields, 'forget')
  const { lostKey = 'refuse', clock = systemClock, signal } = options
  if (lostKey !== 'refuse' && lostKey !== 'accept') {
    throw new InvalidArgument('lostKey', "is neither 'refuse' nor 'accept'")
  }
  const ref = subjectRef(subject)
  const call = signal === undefined ? {} : { signal }
  if (!(await hasHeardOf(keys, ref))) {
    const first = await store.readAll({ filter: { tags: [subjectTag(ref)] }, ...call }).first()
    if (first === undefined) return { subject: ref, status: 'unknown', events: 0, streams: [], position: 0 }
    if (lostKey === 'refuse') throw new KeyMissing(ref)
  }
  signal?.throwIfAborted()
  await keys.destroy(ref)
  keyRingOf(keys, clock).drop(ref)
  await clock.sleep(limits.keyCacheMs, signal)
  signal?.throwIfAborted()
  const { events, streams } = await occurrencesOf(store, ref, call)
  for (const streamId of streams) await shelfSnapshots(store.shelf).remove(streamId, call)
  const { position } = await store.append(`$erasure-${ref}`, [{ type: 'SubjectForgotten', data: { subject: ref } }], {
    idempotencyKey: `forget ${ref}`,
    ...call,
  })
  return { subject: ref, status: 'forgotten', events, streams, position }
}

/** A key that cannot be unwrapped is one all the same: to destroy it nobody has to read it. */
async function hasHeardOf(keys: KeyStore, ref: string): Promise<boolean> {
  try {
    return (await keys.load(ref)) !== undefined
  } catch (error) {
    if (isVarveError(error, 'KEY_STORE_FAILED')) return true
    throw error
  }
}

async function occurrencesOf(
  store: ForgetfulStore,
  ref: string,
  call: CallOptions,
): Promise<Pick<Forgotten, 'events' | 'streams'>> {
  const streams = new Set<string>()
  let events = 0
  for await (const { streamId } of store.readAll({ filter: { tags: [subjectTag(ref)] }, ...call })) {
    streams.add(streamId)
    events += 1
  }
  return { events, streams: [...streams] }
}
