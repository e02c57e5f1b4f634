import { type EventStore, isVarveError, type RecordedEvent, toText } from 'varve'
import { type Access, AccessRefused } from '../../auth/access.ts'
import { type KurrentEvent, kurrentEventOf } from './kurrent-event.ts'
import type { ResolvedEvent } from './read-response.ts'

/** The type of an event that stands for another one: its data say which, as `3@Order-7`. */
export const linkType = '$>'

/** What following links needs. */
export interface Following {
  readonly store: EventStore
  /** Of the one who reads the links. */
  readonly access: Access
  readonly signal: AbortSignal
}

/**
 * An event as it is shown, or what its link leads to. A link that leads nowhere, or where its reader may not look, is shown
 * without an event.
 */
export async function followLink(following: Following, event: KurrentEvent): Promise<ResolvedEvent> {
  if (event.type !== linkType) return { event }
  const target = await targetOf(following, event)
  return { event: target && kurrentEventOf(target), link: event }
}

/** Whether the reader of a link may read the stream that it leads to. */
export async function mayFollow({ access }: Following, stream: string): Promise<boolean> {
  try {
    await access.to('read', stream)
    return true
  } catch (error) {
    if (error instanceof AccessRefused) return false
    throw error
  }
}

async function targetOf(following: Following, { data }: KurrentEvent): Promise<RecordedEvent | undefined> {
  const { store, signal } = following
  const { stream = '', version = 0 } = linkTarget(data) ?? {}
  if (version === 0 || !(await mayFollow(following, stream))) return undefined
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
