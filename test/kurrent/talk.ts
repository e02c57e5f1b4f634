import { randomUUID } from 'node:crypto'
import type { AppendResult, EventData, KurrentDBClient, ResolvedEvent } from '@kurrent/kurrentdb-client'
import { expect } from 'vitest'

/** What tests expect of a stream, in both clients' words. */
export type Expected = bigint | 'any' | 'no_stream' | 'stream_exists'

/** What an event may say beside its type and payload. */
export interface Beside {
  readonly id?: string
  readonly metadata?: unknown
}

/** An event with a JSON payload, as clients take it. */
export function jsonEvent(type: string, data: unknown, { id = randomUUID(), metadata }: Beside = {}): EventData {
  return { id, contentType: 'application/json', type, data, metadata } as EventData
}

/** An event whose payload is bytes. */
export function binaryEvent(type: string, data: Uint8Array, { id = randomUUID(), metadata }: Beside = {}): EventData {
  return { id, contentType: 'application/octet-stream', type, data, metadata } as EventData
}

/** Events to append. */
export function placed(count: number, from = 0): EventData[] {
  return Array.from({ length: count }, (_, index) => jsonEvent('Placed', { number: from + index }))
}

/** Appends with an expectation, which the two clients take under different names. */
export function appendTo(
  client: KurrentDBClient,
  stream: string,
  events: EventData | EventData[],
  expected: Expected = 'any',
  more: object = {},
): Promise<AppendResult> {
  return client.appendToStream(stream, events, { streamState: expected, expectedRevision: expected, ...more } as object)
}

/** Expects an append to be refused by a stream that stands where it should not. */
export async function refusedAt(append: Promise<unknown>, actual: bigint | 'no_stream'): Promise<void> {
  const refusal = await append.then(
    () => undefined,
    (error: { readonly type?: string; readonly actualState?: unknown; readonly actualVersion?: unknown }) => error,
  )
  // The clients have two names for it.
  const found = refusal?.actualState ?? refusal?.actualVersion
  expect({ type: refusal?.type, actual: found }).toEqual({ type: 'wrong-expected-version', actual })
}

/** Everything that an iteration gives. */
export async function all<Item>(items: AsyncIterable<Item>): Promise<Item[]> {
  const found: Item[] = []
  for await (const item of items) found.push(item)
  return found
}

/** Events in one line each: stream, revision, type. */
export function briefly(events: readonly ResolvedEvent[]): string[] {
  return events.map(({ event, link }) => {
    const shown = event === undefined ? 'nothing' : `${event.streamId}/${event.revision} ${event.type}`
    return link === undefined ? shown : `${shown} by ${link.streamId}/${link.revision}`
  })
}

/** What a subscription has said so far. */
export interface Heard {
  readonly events: ResolvedEvent[]
  /** In the order in which they came: confirmation, caughtUp, and each event briefly. */
  readonly order: string[]
  readonly caughtUp: { readonly revision?: bigint; readonly position?: { readonly commit: bigint } }[]
  readonly errors: { readonly type?: string }[]
}

/** What both kinds of subscriptions are, as far as it matters here. */
export interface Subscription {
  // biome-ignore lint/suspicious/noExplicitAny: each event has arguments of its own
  on(event: string, listener: (...given: any[]) => void): unknown
}

/** Listens to a subscription. */
export function listen(subscription: Subscription): Heard {
  const heard: Heard = { events: [], order: [], caughtUp: [], errors: [] }
  subscription.on('confirmation', () => heard.order.push('confirmation'))
  subscription.on('caughtUp', (info) => {
    heard.caughtUp.push(info)
    heard.order.push('caughtUp')
  })
  subscription.on('data', (event: ResolvedEvent) => {
    heard.events.push(event)
    heard.order.push(...briefly([event]))
  })
  subscription.on('error', (error: { type?: string }) => heard.errors.push(error))
  return heard
}

/** Waits until a subscription has given so many events. */
export async function heardEvents(heard: Heard, count: number): Promise<void> {
  await expect.poll(() => heard.events.length).toBe(count)
}
