import type { EventStore } from 'varve'
import { type StreamAcls, settingsStream } from './stream-acls.ts'

/** The same store, which answers a change of rights once the rights are changed: what comes after it is judged by them. */
export function withAclWrites(store: EventStore, acls: StreamAcls): EventStore {
  const known = async <Result extends { readonly position: number }>(changed: Promise<Result>): Promise<Result> => {
    const result = await changed
    await acls.reached(result.position)
    return result
  }
  return {
    ...store,
    append: (streamId, events, options) => {
      const appended = store.append(streamId, events, options)
      return saysRights(streamId) ? known(appended) : appended
    },
    appendAll: (writes, options) => {
      const appended = store.appendAll(writes, options)
      return writes.some(({ streamId, events }) => saysRights(streamId) && events.length > 0)
        ? known(appended)
        : appended
    },
    setStreamMetadata: (streamId, metadata, options) => known(store.setStreamMetadata(streamId, metadata, options)),
  }
}

function saysRights(streamId: unknown): boolean {
  return typeof streamId === 'string' && (streamId === settingsStream || streamId.startsWith('$$'))
}
