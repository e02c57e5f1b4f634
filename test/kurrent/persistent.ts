import type { KurrentDBClient, PersistentSubscriptionToStreamSettings } from '@kurrent/kurrentdb-client'
import { expect } from 'vitest'
import { briefly, type Heard, listen, type Subscription } from './talk.ts'

/** Settings as official clients have them by default, from the start. */
export function settings(changes: object = {}): PersistentSubscriptionToStreamSettings {
  return {
    startFrom: 'start',
    resolveLinkTos: false,
    extraStatistics: false,
    messageTimeout: 30_000,
    maxRetryCount: 10,
    checkPointAfter: 2_000,
    checkPointLowerBound: 10,
    checkPointUpperBound: 1_000,
    maxSubscriberCount: 'unbounded',
    liveBufferSize: 500,
    readBatchSize: 20,
    historyBufferSize: 500,
    consumerStrategyName: 'RoundRobin',
    ...changes,
  } as PersistentSubscriptionToStreamSettings
}

/** An event as a persistent subscription gives it. */
export interface Delivered {
  readonly event?: { readonly id: string; readonly streamId: string; readonly type: string; readonly revision: bigint }
  readonly link?: { readonly id: string; readonly revision: bigint }
  readonly retryCount: number
}

/** What an action on an event may be. */
export type Action = 'park' | 'retry' | 'skip' | 'stop'

/** A consumer, and what it was given. */
export interface Consumer extends Omit<Heard, 'events'> {
  readonly events: Delivered[]
  ack(...events: readonly Delivered[]): Promise<void>
  nack(action: Action, reason: string, ...events: readonly Delivered[]): Promise<void>
  unsubscribe(): Promise<void>
}

type PersistentSubscription = Subscription & Pick<Consumer, 'ack' | 'nack' | 'unsubscribe'>

/** A consumer of a subscription to a stream, or to `$all`, once it is confirmed; with `ack` it acknowledges each event. */
export async function consumer(
  client: KurrentDBClient,
  stream: string,
  options: { readonly group?: string; readonly bufferSize?: number; readonly acks?: boolean } = {},
): Promise<Consumer> {
  const { group = 'group', bufferSize = 10, acks = true } = options
  const subscription = (stream === '$all'
    ? client.subscribeToPersistentSubscriptionToAll(group, { bufferSize })
    : client.subscribeToPersistentSubscriptionToStream(stream, group, {
        bufferSize,
      })) as unknown as PersistentSubscription
  const heard = listen(subscription)
  if (acks) subscription.on('data', (event: Delivered) => void subscription.ack(event))
  await expect.poll(() => heard.order.includes('confirmation') || heard.errors.length > 0).toBe(true)
  return {
    ...heard,
    events: heard.events as unknown as Delivered[],
    ack: (...events) => subscription.ack(...events),
    nack: (action, reason, ...events) => subscription.nack(action, reason, ...events),
    unsubscribe: () => subscription.unsubscribe(),
  }
}

/** Waits until a consumer was given so many events; gives each in one line. */
export async function given(from: Pick<Consumer, 'events'>, count: number): Promise<readonly string[]> {
  await expect.poll(() => from.events.length, { timeout: 10_000 }).toBe(count)
  return briefly(from.events as never)
}

/** The type of the failure that a call ends with, and the names it tells. */
export async function failureOf(call: Promise<unknown>): Promise<readonly unknown[]> {
  const error = await call.then(
    () => undefined,
    (failure: { readonly type?: string; readonly streamName?: string; readonly groupName?: string }) => failure,
  )
  return [error?.type, error?.streamName, error?.groupName]
}
