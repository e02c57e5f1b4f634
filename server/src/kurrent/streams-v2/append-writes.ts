import { type AppendAllOptions, type EventStore, isVarveError, type StreamWrite } from 'varve'
import { Refused } from '../refusal.ts'
import { expectedVersionOf, repeats } from '../streams/expectation.ts'
import { newEventOf } from '../streams/proposed-event.ts'
import { type LandedWrite, landedAll, type ProposedWrite, refusedAmong } from '../streams/proposed-write.ts'
import { settleIds } from '../streams/settle-ids.ts'
import { isMetadataStream, refuseUnwritable } from '../streams/stream-access.ts'

/**
 * Appends to several streams in one transaction.
 *
 * @param guards what must hold of streams besides, judged in the same transaction.
 * @throws Refused, and the store's own errors, VERSION_CONFLICT for a guard among them.
 */
export async function appendWrites(
  store: EventStore,
  writes: readonly ProposedWrite[],
  guards: readonly StreamWrite[],
  options: AppendAllOptions,
): Promise<readonly LandedWrite[]> {
  for (const { stream } of writes) refuse(stream)
  const given = writes.map(({ stream, expected, events }): StreamWrite => {
    return { streamId: stream, events: events.map(newEventOf), expectedVersion: expectedVersionOf(expected) }
  })
  try {
    const appended = await store.appendAll([...given, ...guards], options)
    const isAnswer = writes.every(({ expected }, at) => repeats(expected, appended.streams[at] ?? { firstVersion: 0 }))
    if (!appended.idempotent || isAnswer) return landedAll(writes, appended)
  } catch (error) {
    if (!isVarveError(error, 'DUPLICATE_EVENT_ID') && !hasTwins(writes, error)) {
      const isGuard = isVarveError(error, 'VERSION_CONFLICT') && !writes.some(({ stream }) => stream === error.streamId)
      throw isGuard ? error : refusedAmong(error, writes)
    }
  }
  const settling = writes.map((write) => ({ ...write, newEvent: newEventOf }))
  return settleIds(store, settling, options, guards)
}

function refuse(stream: string): void {
  refuseUnwritable(stream)
  if (!isMetadataStream(stream)) return
  const problem = `${stream} holds what is said about another stream: set that with the first version of the protocol.`
  throw new Refused({ kind: 'bad_request', problem })
}

function hasTwins(writes: readonly ProposedWrite[], error: unknown): boolean {
  const ids = writes.flatMap(({ events }) => events.map(({ id }) => id))
  return isVarveError(error, 'INVALID_ARGUMENT') && new Set(ids).size < ids.length
}
