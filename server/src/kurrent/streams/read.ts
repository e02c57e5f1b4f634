import type { Clock, EventStore } from 'varve'
import type { Call, Handler } from '../grpc/call.ts'
import { serverStream } from '../grpc/method.ts'
import { isParkedStream, readParkedStream } from '../persistent/parked-stream.ts'
import type { Numbering } from '../views/numbering.ts'
import { readView } from '../views/read-view.ts'
import { viewOf } from '../views/view.ts'
import { readAll } from './read-all.ts'
import { decodeRead, type ReadRequest } from './read-request.ts'
import { ReadResponses } from './read-response.ts'
import { readStream } from './read-stream.ts'
import type { Reading } from './reading.ts'
import { type SubscribeParts, subscribe } from './subscribe.ts'

/** What reading needs. */
export interface ReadParts extends SubscribeParts {
  readonly store: EventStore
  readonly clock: Clock
  readonly numbering: Numbering
}

/** The method Read: what a stream or the store has from somewhere on, to a count or for ever. */
export function read(parts: ReadParts): Handler {
  return serverStream(decodeRead, async (request, call) => {
    // Refused before the store is asked anything, which would take time for streams that are there.
    await mayRead(request, call)
    if (request.count === undefined) {
      const ends = AbortSignal.any([call.signal, parts.closing])
      const signal = call.access.whileAllowed(() => mayRead(request, call), ends)
      return subscribe(parts, readingOf(parts, request, call, signal))
    }
    const reading = readingOf(parts, request, call, call.signal)
    await readUpTo(reading, request.count)
    await reading.responses.send()
  })
}

/** Undefined when that is known. Reading the store is a right to the stream `$all`. */
function mayRead({ stream = '$all' }: ReadRequest, { access }: Call): Promise<void> | undefined {
  return access.to('read', stream)
}

function readUpTo(reading: Reading, count: number): Promise<void> {
  const { stream } = reading.request
  if (stream === undefined) return readAll(reading, count)
  if (isParkedStream(stream)) return readParkedStream(reading, stream, count)
  const view = viewOf(stream)
  return view === undefined ? readStream(reading, stream, count) : readView(reading, view, count)
}

function readingOf(
  { store, clock, numbering }: ReadParts,
  request: ReadRequest,
  call: Call,
  signal: AbortSignal,
): Reading {
  const { access } = call
  const responses = new ReadResponses(call, request.uuidForm, signal, () => mayRead(request, call))
  return { store, clock, numbering, access, request, signal, responses }
}
