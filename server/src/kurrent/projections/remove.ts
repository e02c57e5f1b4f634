import { type EventStore, isVarveError } from 'varve'
import { CallFailed } from '../grpc/status.ts'
import type { Registered } from './registry.ts'
import { checkpointStream, emittedStreams, stateStreamPrefix } from './streams.ts'

/** What is to go with a projection that is deleted. */
export interface Leftovers {
  readonly deleteEmittedStreams: boolean
  readonly deleteStateStream: boolean
  readonly deleteCheckpointStream: boolean
}

/** Deletes the streams of a projection, but not its results, which others read. As ever, what is deleted is hidden and stays in the log. */
export async function deleteStreams(store: EventStore, registered: Registered, leftovers: Leftovers): Promise<void> {
  if (leftovers.deleteEmittedStreams) {
    const list = emittedStreams(registered)
    for await (const event of store.readStream(list)) await deleteStream(store, Buffer.from(event.rawData).toString())
    await deleteStream(store, list)
  }
  if (leftovers.deleteCheckpointStream) await deleteStream(store, checkpointStream(registered))
  if (!leftovers.deleteStateStream) return
  for await (const { streamId } of store.streams({ prefix: stateStreamPrefix(registered) })) {
    await deleteStream(store, streamId)
  }
}

/** @throws CallFailed while it runs, and when it is not known what it emitted to. */
export function refuseUnremovable(registered: Registered, { deleteEmittedStreams }: Leftovers): void {
  const { name, wanted, fault, completed, emitEnabled, trackEmitted } = registered
  if (wanted === 'running' && fault === null && !completed) {
    throw new CallFailed(
      'failedPrecondition',
      `Cannot delete a projection that hasn't been stopped or faulted: disable ${name} first.`,
    )
  }
  if (!deleteEmittedStreams || trackEmitted || !emitEnabled) return
  const problem = `It is not known which streams ${name} emitted to: it was created without trackEmittedStreams.`
  throw new CallFailed('failedPrecondition', problem)
}

async function deleteStream(store: EventStore, stream: string): Promise<void> {
  try {
    await store.deleteStream(stream)
  } catch (error) {
    // It is closed for ever, which is more than deleted.
    if (!isVarveError(error, 'STREAM_TOMBSTONED')) throw error
  }
}
