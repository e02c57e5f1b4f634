import { type EventStore, isVarveError, type RecordedEvent, toText } from 'varve'
import { type KurrentEvent, kurrentEventOf } from './kurrent-event.ts'
import type { ResolvedEvent } from './read-response.ts'

/** The type of an event that stands for another one: its data say which, as `3@Order-7`. */
export const linkType = '$>'

/** An event as it is shown, or what its link leads to. A link that leads nowhere is shown without an event. */
export async function followLink(store: EventStore, event: KurrentEvent, signal: AbortSignal): Promise<ResolvedEvent> {
  if (event.type !== linkType) return { event }
  const target = await targetOf(store, event, signal)
  return { event: target && kurrentEventOf(target), link: event }
}

async function targetOf(
  store: EventStore,
  { data }: KurrentEvent,
  signal: AbortSignal,
): Promise<RecordedEvent | undefined> {
  const { stream = '', version = 0 } = linkTarget(data) ?? {}
  if (version === 0) return undefined
  try {
    const target = await store.readStream(stream, { from: version, limit: 1, signal }).first()
    return target?.version === version ? target : undefined
  } catch (error) {
    // A name that no stream can have.
    if (isVarveError(error, 'INVALID_ARGUMENT') || isVarveError(error, 'LIMIT_EXCEEDED')) return undefined
    throw error
  }
}

/** What the data of a link lead to, undefined when they are none of a link. */
export function linkTarget(
  data: KurrentEvent['data'],
): { readonly stream: string; readonly version: number } | undefined {
  const [, revision, stream = ''] = /^(\d{1,16})@(.+)$/s.exec(textOf(data)) ?? []
  const version = Number(revision) + 1
  return Number.isSafeInteger(version) ? { stream, version } : undefined
}

function textOf(data: KurrentEvent['data']): string {
  try {
    return toText(data)
  } catch {
    return ''
  }
}
