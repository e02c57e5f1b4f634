import { type EventStore, limits } from 'varve'
import type { Call, Handler } from '../grpc/call.ts'
import { framed } from '../grpc/frames.ts'
import { CallFailed } from '../grpc/status.ts'
import { Refused } from '../refusal.ts'
import { append } from './append.ts'
import { decodeAppend } from './append-request.ts'
import { encodeAppended, encodeWrongVersion } from './append-response.ts'
import { ownEvent, type ProposedEvent } from './proposed-event.ts'
import { appendTooLarge, type ProposedWrite } from './proposed-write.ts'

/** The method Append: options, then events, each in a message of its own, written when the client has sent the last. */
export function classicAppend(store: EventStore): Handler {
  return async (call) => {
    const write = await receive(call)
    await call.send(framed(await answer(store, write, call)))
  }
}

async function answer(store: EventStore, write: ProposedWrite, { access, signal }: Call): Promise<Buffer> {
  try {
    return encodeAppended(await append(store, access, write, signal))
  } catch (error) {
    // The one refusal that is an answer here, and no status of the call.
    if (error instanceof Refused && error.refusal.kind === 'wrong_version') return encodeWrongVersion(error.refusal)
    throw error
  }
}

async function receive(call: Call): Promise<ProposedWrite> {
  let options: Omit<ProposedWrite, 'events'> | undefined
  const events: ProposedEvent[] = []
  let bytes = 0
  for await (const batch of call.batches()) {
    for (const message of batch) {
      const request = decodeAppend(message)
      if ((request.kind === 'options') !== (options === undefined)) {
        throw new CallFailed('invalidArgument', 'An append is its options, once and first, and then its events.')
      }
      if (request.kind === 'options') options = request.options
      else events.push(ownEvent(request.event))
      bytes += message.length
    }
    if (events.length > limits.appendEvents || bytes > limits.appendBytes * 2) throw new Refused(appendTooLarge)
  }
  if (options === undefined)
    throw new CallFailed('invalidArgument', 'An append begins with its options; there are none.')
  return { ...options, events }
}
