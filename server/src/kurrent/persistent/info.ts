import type { ConsumerNumbers, EventStore } from 'varve'
import type { Numbering } from '../views/numbering.ts'
import { viewOf } from '../views/view.ts'
import { type Connections, connectionNameIn } from './connections.ts'
import { loadSubscription, type SavedSubscription, savedSubscriptions } from './load.ts'
import { nameOf } from './notes.ts'
import { doesNotExist } from './refusals.ts'
import { badRequest, type NamedIn, nameIn, type StreamIdentifier, sourceOf, streamIn } from './subscription-name.ts'

/** What looking at persistent subscriptions needs. */
export interface InfoParts {
  readonly store: EventStore
  readonly numbering: Numbering
  readonly connections: Connections
}

/** What clients are told of a subscription. */
export interface SubscriptionInfo {
  readonly eventSource: string
  readonly groupName: string
  readonly status: string
  readonly connections: readonly ConnectionInfo[]
  readonly [field: string]: unknown
}

interface ConnectionInfo {
  readonly from: string
  readonly username: string
  readonly averageItemsPerSecond: number
  readonly totalItems: number
  readonly countSinceLastMeasurement: number
  readonly observedMeasurements: readonly { readonly key: string; readonly value: number }[]
  readonly availableSlots: number
  readonly inFlightMessages: number
  readonly connectionName: string
}

/** The answer to GetInfo. */
export async function getInfo(
  parts: InfoParts,
  { options }: { readonly options: NamedIn | null },
  signal: AbortSignal,
): Promise<{ readonly subscriptionInfo: SubscriptionInfo }> {
  const name = nameIn(options ?? { groupName: '' })
  return { subscriptionInfo: await infoOf(parts, await loadSubscription(parts.store, name, signal), signal) }
}

/** A request of List. */
export interface ListMessage {
  readonly options: {
    readonly listAllSubscriptions?: object | null
    readonly listForStream?: { readonly stream?: StreamIdentifier | null; readonly all?: object | null } | null
  } | null
}

/** The answer to List. */
export async function list(
  parts: InfoParts,
  { options }: ListMessage,
  signal: AbortSignal,
): Promise<{ readonly subscriptions: readonly SubscriptionInfo[] }> {
  const ofOne = options?.listForStream
  if (!ofOne && !options?.listAllSubscriptions) throw badRequest('The request does not say which subscriptions.')
  const stream = ofOne && !ofOne.all ? streamIn(ofOne.stream) : null
  const subscriptions: SubscriptionInfo[] = []
  for await (const saved of savedSubscriptions(parts.store, signal)) {
    if (!ofOne || saved.notes.stream === stream) subscriptions.push(await infoOf(parts, saved, signal))
  }
  if (ofOne && subscriptions.length === 0) throw doesNotExist({ stream: stream ?? undefined, group: '' })
  return { subscriptions }
}

async function infoOf(
  parts: InfoParts,
  { notes, summary }: SavedSubscription,
  signal: AbortSignal,
): Promise<SubscriptionInfo> {
  const { settings } = notes
  const ends = await endsOf(parts, { notes, summary }, signal)
  const connections = summary.members.flatMap(({ consumers }) =>
    consumers.map((consumer) => connectionInfo(parts, summary.group, consumer)),
  )
  const inHand = connections.reduce((sum, { inFlightMessages }) => sum + inFlightMessages, 0)
  const live = summary.stopped === undefined ? (ends.isLive ? 'Live' : 'Behind') : 'Stopped'
  return {
    eventSource: sourceOf(nameOf(notes)),
    groupName: notes.group,
    status: summary.isReplaying ? `${live}, ReplayingParkedMessages` : live,
    connections,
    averagePerSecond: Math.round(summary.perSecond),
    totalItems: summary.acked + summary.skipped + summary.parked,
    countSinceLastMeasurement: connections.reduce((sum, one) => sum + one.countSinceLastMeasurement, 0),
    lastCheckpointedEventPosition: ends.checkpoint,
    lastKnownEventPosition: ends.known,
    resolveLinkTos: settings.resolveLinks,
    startFrom: notes.startFrom,
    messageTimeoutMilliseconds: settings.messageTimeoutMs,
    extraStatistics: settings.extraStatistics,
    maxRetryCount: settings.maxRetryCount,
    liveBufferSize: settings.liveBufferSize,
    bufferSize: settings.historyBufferSize,
    readBatchSize: settings.readBatchSize,
    checkPointAfterMilliseconds: settings.checkpointAfterMs,
    minCheckPointCount: settings.minCheckpointCount,
    maxCheckPointCount: settings.maxCheckpointCount,
    readBufferCount: Math.max(summary.inFlight + summary.waiting - inHand, 0),
    liveBufferCount: 0,
    retryBufferCount: summary.retried,
    totalInFlightMessages: inHand,
    outstandingMessagesCount: inHand,
    namedConsumerStrategy: settings.strategy,
    maxSubscriberCount: settings.maxSubscriberCount,
    parkedMessageCount: summary.parked,
  }
}

/** What this server sees of its own connections is newer than what it last told the group. */
function connectionInfo({ connections }: InfoParts, group: string, consumer: ConsumerNumbers): ConnectionInfo {
  const { name, bufferEvents, inFlight, finished, perSecond } = consumer
  const own = connections.find(group, name)
  const inHand = own?.inFlight ?? inFlight
  const countSinceLastMeasurement = own === undefined ? 0 : own.total - own.toldTotal
  if (own !== undefined) own.toldTotal = own.total
  return {
    from: own?.peer ?? '',
    username: own?.login ?? 'anonymous',
    averageItemsPerSecond: Math.round(perSecond),
    totalItems: own?.total ?? finished,
    countSinceLastMeasurement,
    observedMeasurements: own?.latencies?.measurements() ?? [],
    availableSlots: Math.max(bufferEvents - inHand, 0),
    inFlightMessages: inHand,
    connectionName: connectionNameIn(name),
  }
}

/** How far the subscription has come and how far it could, as clients write it; empty where there is no event. */
async function endsOf(
  { store, numbering }: InfoParts,
  { notes, summary }: SavedSubscription,
  signal: AbortSignal,
): Promise<{ readonly checkpoint: string; readonly known: string; readonly isLive: boolean }> {
  const { stream } = notes
  const { checkpoint, reached } = summary
  const hasFinished = summary.acked + summary.skipped + summary.parked > 0
  const finished = hasFinished ? checkpoint : 0
  if (stream === null) {
    const head = await store.head({ signal })
    const written = (position: number): string => (position === 0 ? '' : `C:${position}/P:${position}`)
    return { checkpoint: written(finished), known: written(head), isLive: reached >= head }
  }
  const written = (count: number): string => (count === 0 ? '' : String(count - 1))
  const view = viewOf(stream)
  if (view === undefined) {
    const { version } = await store.streamInfo(stream, { signal })
    return { checkpoint: written(finished), known: written(version), isLive: reached >= version }
  }
  const head = await store.head({ signal })
  const entriesUpTo = (position: number): Promise<number> => numbering.numberAt(view, position + 1, signal)
  const [count, entries, taken] = [await entriesUpTo(finished), await entriesUpTo(head), await entriesUpTo(reached)]
  return { checkpoint: written(count), known: written(entries), isLive: taken >= entries }
}
