import { kurrentEventOf } from './kurrent-event.ts'
import type { ReadRequest } from './read-request.ts'
import { type Reading, sendEvent } from './reading.ts'
import { type Standing, standingOf } from './standing.ts'

/**
 * Reads one stream from a revision on, in either direction.
 *
 * @throws Refused when the stream is closed for ever. One that is not there is an answer.
 */
export async function readStream(reading: Reading, stream: string, count: number): Promise<void> {
  const { store, clock, request, signal, responses } = reading
  const standing = await standingOf(store, clock, stream, signal)
  if (!standing.isFound) return responses.streamNotFound(stream)
  const isFirstTold = request.compatibility >= 1 && isPageBeforeFirst(request, standing, count)
  if (isFirstTold) responses.firstStreamPosition(standing.firstShown - 1)
  const sent = await sendShown(reading, stream, standing, count)
  if (request.compatibility < 1) return
  if (sent === 0 && standing.firstShown > 1 && !isFirstTold) responses.firstStreamPosition(standing.firstShown - 1)
  responses.lastStreamPosition(standing.version - 1)
}

/** KurrentDB reads a page at a time, and says where the first event is when it finds none in the first page. */
function isPageBeforeFirst(request: ReadRequest, { firstShown }: Standing, count: number): boolean {
  const isForward = request.direction === 'forward'
  return isForward && count > 0 && firstShown - versionToBegin(request) >= Math.min(count, pageSize)
}

/** What KurrentDB reads at once for a client. */
const pageSize = 32

async function sendShown(reading: Reading, stream: string, standing: Standing, count: number): Promise<number> {
  const { store, request, signal } = reading
  const { firstShown, shownFromMs, isSubjectHidden } = standing
  const { direction } = request
  const from = Math.max(versionToBegin(request), direction === 'forward' ? firstShown : 0)
  let sent = 0
  if (count === 0) return sent
  for await (const stored of store.readStream(stream, { from, direction, signal })) {
    if (stored.version < firstShown) break
    if (stored.recordedAtMs < shownFromMs) continue
    const full = sendEvent(reading, kurrentEventOf(stored, isSubjectHidden))
    if (full !== undefined) await full
    sent++
    if (sent === count) break
  }
  return sent
}

function versionToBegin({ from }: ReadRequest): number {
  if (from === 'end') return Number.MAX_SAFE_INTEGER
  if (from === 'start') return 1
  return Math.min(from + 1, Number.MAX_SAFE_INTEGER)
}
