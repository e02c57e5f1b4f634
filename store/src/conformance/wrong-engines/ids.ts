import type { AppendOutcome, AppendRequest, Engine } from '../../engine/engine.ts'
import type { EventToStore, StoredEvent } from '../../model/event.ts'
import { versionHolds } from '../../model/version.ts'
import { type Batch, judging, showing, stateOf, type Twist, type WrongEngine, wholeLog, wrong } from './wrong.ts'

/**
 * Forgets ids: an event whose id `forgotten` says is unknown goes into the right engine under another id, and comes
 * back under its own.
 */
function forgetting(
  forgotten: (event: EventToStore, known: ReadonlyMap<string, string>, batch: Batch, one: AppendRequest) => boolean,
  nameOf: (event: EventToStore) => string = (event) => event.id,
): () => Twist {
  return () => {
    const inside = new Map<string, string>()
    const outside = new Map<string, string>()
    const store = (event: EventToStore): EventToStore => ({ ...event, id: inside.get(nameOf(event)) ?? event.id })

    function rename(event: EventToStore): void {
      const id = `ffffffff-ffff-7fff-8fff-${outside.size.toString(16).padStart(12, '0')}`
      inside.set(nameOf(event), id)
      outside.set(id, event.id)
    }

    return (engine, lock) => ({
      ...judging(engine, lock, async (one, send, batch) => {
        for (const event of one.events) {
          if (!inside.has(nameOf(event)) || forgotten(event, inside, batch, one)) rename(event)
        }
        const outcome = await send({ ...one, events: one.events.map(store) })
        if (outcome.status !== 'duplicate_event_id') return outcome
        return { ...outcome, eventId: outside.get(outcome.eventId) ?? outcome.eventId }
      }),
      ...showing(engine, (event) => ({ ...event, id: outside.get(event.id) ?? event.id })),
    })
  }
}

/** Knows only the ids that came in through this very instance. */
function knowingItsOwn(): Twist {
  const writers = new Map<string, Engine>()
  return (engine, lock) =>
    judging(engine, lock, async (one, send) => {
      const foreign = one.events.some(({ id }) => (writers.get(id) ?? engine) !== engine)
      if (foreign)
        return send({ ...one, events: one.events.map((event) => ({ ...event, id: event.id.replace(/^./, 'e') })) })
      const outcome = await send(one)
      if (outcome.status === 'done') for (const { id } of one.events) writers.set(id, engine)
      return outcome
    })
}

/** Where events with these ids lie, in the order of the request. */
async function storedOf(engine: Engine, one: AppendRequest): Promise<readonly (StoredEvent | undefined)[]> {
  const byId = new Map((await wholeLog(engine)).map((event) => [event.id, event]))
  return one.events.map((event) => byId.get(event.id))
}

/** Answers some duplicates as the repeats they are not. */
function lenient(repeats: (stored: readonly StoredEvent[], one: AppendRequest) => boolean): () => Twist {
  return () => (engine, lock) =>
    judging(engine, lock, async (one, send) => {
      const outcome = await send(one)
      if (outcome.status !== 'duplicate_event_id') return outcome
      const stored = (await storedOf(engine, one)).flatMap((event) => event ?? [])
      if (stored.length !== one.events.length || !repeats(stored, one)) return outcome
      const positions = stored.map((event) => event.position)
      return {
        status: 'repeated',
        firstPosition: Math.min(...positions),
        lastPosition: Math.max(...positions),
        streams: [],
      }
    })
}

/** Writes what is new of an append that is stored in part. */
const writesTheRest: Twist = (engine, lock) =>
  judging(engine, lock, async (one, send) => {
    const outcome = await send(one)
    if (outcome.status !== 'duplicate_event_id') return outcome
    const stored = await storedOf(engine, one)
    const elsewhere = stored.some(
      (event, index) => event !== undefined && event.streamId !== one.events[index]?.streamId,
    )
    const rest = one.events.filter((_, index) => stored[index] === undefined)
    return elsewhere || rest.length === 0 ? outcome : send({ ...one, events: rest })
  })

/** Puts another question before the one about ids. */
function asksFirst(ask: (engine: Engine, one: AppendRequest) => Promise<AppendOutcome | undefined>): () => Twist {
  return () => (engine, lock) => judging(engine, lock, async (one, send) => (await ask(engine, one)) ?? send(one))
}

/** Takes ids that begin alike for one id. */
const comparesTheBeginning: Twist = (engine, lock) => {
  const taken = new Map<string, { readonly id: string; readonly streamId: string }>()
  return judging(engine, lock, async (one, send) => {
    for (const { id, streamId } of one.events) {
      const other = taken.get(id.slice(0, 30)) ?? { id, streamId }
      if (other.id !== id) return { status: 'duplicate_event_id', eventId: other.id, streamId: other.streamId }
      taken.set(id.slice(0, 30), other)
    }
    return send(one)
  })
}

/** Wrong about event ids. */
export const wrongIds: readonly WrongEngine[] = [
  wrong(
    'forgets ids when appends are many',
    ['bounded/largest-append', 'idempotent/long-ago'],
    forgetting((event, ids) => [...ids.keys()].slice(-1_500).indexOf(event.id) < 0),
  ),
  wrong(
    'keeps ids in the memory of the instance that wrote them',
    ['idempotent/repeat-across-instances', 'idempotent/repeat-after-reopen'],
    knowingItsOwn,
  ),
  wrong(
    'does not look at ids when any version is expected',
    ['idempotent/repeat-with-any'],
    forgetting((_event, _ids, _batch, one) => one.checks.some((check) => check.expectedVersion === 'any')),
  ),
  wrong(
    'does not look at ids that are said to be new',
    ['idempotent/new-ids'],
    forgetting((_event, _ids, _batch, one) => one.idsAreNew === true),
  ),
  wrong(
    'does not see the ids of earlier requests of the batch',
    ['batches/repeat-seen'],
    forgetting((event, _ids, { requests }, one) =>
      requests.slice(0, requests.indexOf(one)).some((earlier) => earlier.events.some(({ id }) => id === event.id)),
    ),
  ),
  wrong(
    'keeps ids unique in each stream only',
    [
      'atomic/no-gap',
      'atomic/no-trace',
      'batches/neighbours-unharmed',
      'batches/repeat-seen',
      'idempotent/elsewhere',
      'idempotent/hidden-ids-count',
      'idempotent/ids-before-checks',
      'idempotent/new-ids',
    ],
    forgetting(
      () => false,
      (event) => `${event.streamId} ${event.id}`,
    ),
  ),
  wrong(
    'takes a stored id for a repeat in whichever stream it lies',
    [
      'batches/neighbours-unharmed',
      'batches/repeat-seen',
      'idempotent/elsewhere',
      'idempotent/hidden-ids-count',
      'idempotent/ids-before-checks',
      'idempotent/new-ids',
    ],
    lenient((stored, one) => stored.some((event, index) => event.streamId !== one.events[index]?.streamId)),
  ),
  wrong(
    'takes stored ids for a repeat in whichever order they come',
    ['idempotent/order-given'],
    lenient((stored, one) => stored.every((event, index) => event.streamId === one.events[index]?.streamId)),
  ),
  wrong('writes the new events of a partly repeated append', ['idempotent/partial'], () => writesTheRest),
  wrong(
    'judges expected versions before ids',
    ['idempotent/repeat-before-checks'],
    asksFirst(async (engine, { checks }) => {
      for (const { streamId, expectedVersion } of checks) {
        const state = await stateOf(engine, streamId)
        if (state.tombstoned || versionHolds(expectedVersion, state)) continue
        return { status: 'conflict', streamId, expected: expectedVersion, actual: state.version }
      }
      return undefined
    }),
  ),
  wrong(
    'judges tombstones before ids',
    ['idempotent/ids-before-checks', 'idempotent/repeat-before-checks'],
    asksFirst(async (engine, { events }) => {
      for (const { streamId } of events) {
        if ((await stateOf(engine, streamId)).tombstoned) return { status: 'tombstoned', streamId }
      }
      return undefined
    }),
  ),
  wrong('looks for ids among visible events only', ['idempotent/hidden-ids-count'], () => {
    const hidden = new Set<string>()
    const makeForget = forgetting((event) => hidden.has(event.streamId))()
    return (engine, lock) => {
      const forget = makeForget(engine, lock)
      return {
        ...forget,
        append: async (batch, signal) => {
          for (const { streamId } of batch.flatMap((one) => one.events)) {
            const state = await stateOf(engine, streamId)
            if (!state.tombstoned && state.truncateBefore > 1) hidden.add(streamId)
          }
          return forget.append?.(batch, signal) ?? []
        },
      }
    }
  }),
  wrong('compares all but the last digits of ids', ['idempotent/every-digit'], () => comparesTheBeginning),
  wrong(
    'answers a repeat with where the stream stands now',
    ['idempotent/run-of-a-stream', 'idempotent/several-streams'],
    () => (engine, lock) =>
      judging(engine, lock, async (one, send) => {
        const outcome = await send(one)
        if (outcome.status !== 'repeated') return outcome
        const streams = await Promise.all(
          outcome.streams.map(async (landed) => ({
            ...landed,
            lastVersion: (await stateOf(engine, landed.streamId)).version,
          })),
        )
        return { ...outcome, streams }
      }),
  ),
  wrong('overwrites an event when its id comes again', ['idempotent/repeat'], () => {
    const latest = new Map<string, EventToStore>()
    return (engine, lock) => ({
      ...judging(engine, lock, async (one, send) => {
        const outcome = await send(one)
        if (outcome.status === 'repeated') for (const event of one.events) latest.set(event.id, event)
        return outcome
      }),
      ...showing(engine, (event) => ({ ...event, ...latest.get(event.id) })),
    })
  }),
]
