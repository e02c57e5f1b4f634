/** The settings of a persistent subscription as clients give them, and what they come to for a consumer group. */
import { type GivenGroupSettings, type GroupStrategy, limits } from 'varve'

/** How KurrentDB names what decides who gets which event. */
export type StrategyName = 'DispatchToSingle' | 'RoundRobin' | 'Pinned' | 'PinnedByCorrelation'

/** Settings as they were given, complete. Not all of them mean something here. */
export interface SubscriptionSettings {
  readonly resolveLinks: boolean
  readonly extraStatistics: boolean
  /** 0 for no timeout. */
  readonly messageTimeoutMs: number
  readonly maxRetryCount: number
  readonly checkpointAfterMs: number
  readonly minCheckpointCount: number
  readonly maxCheckpointCount: number
  /** 0 for as many as there may be. */
  readonly maxSubscriberCount: number
  readonly liveBufferSize: number
  readonly readBatchSize: number
  readonly historyBufferSize: number
  readonly strategy: StrategyName
}

/** Settings as a message has them. */
export interface SettingsMessage {
  readonly resolveLinks: boolean
  readonly extraStatistics: boolean
  readonly messageTimeoutTicks?: number
  readonly messageTimeoutMs?: number
  readonly maxRetryCount: number
  readonly checkpointAfterTicks?: number
  readonly checkpointAfterMs?: number
  readonly minCheckpointCount: number
  readonly maxCheckpointCount: number
  readonly maxSubscriberCount: number
  readonly liveBufferSize: number
  readonly readBatchSize: number
  readonly historyBufferSize: number
  readonly namedConsumerStrategy: number
  readonly consumerStrategy: string
  /** Where the subscription begins, in requests of older clients. */
  readonly revision: number
}

const ticksPerMs = 10_000

const strategies: Readonly<Record<StrategyName, GroupStrategy>> = {
  DispatchToSingle: 'overflow',
  RoundRobin: 'round_robin',
  Pinned: 'sticky',
  PinnedByCorrelation: 'sticky',
}

/** By the numbers that older requests have for them. */
const numberedStrategies: readonly StrategyName[] = ['DispatchToSingle', 'RoundRobin', 'Pinned']

/** The settings in a message, or why they cannot be. */
export function settingsIn(message: SettingsMessage): SubscriptionSettings | { readonly problem: string } {
  const named = message.consumerStrategy || numberedStrategies[message.namedConsumerStrategy]
  if (named === undefined || !Object.hasOwn(strategies, named)) {
    return { problem: `Consumer strategy ${named ?? message.namedConsumerStrategy} does not exist.` }
  }
  const numbers = {
    messageTimeoutMs: milliseconds(message.messageTimeoutMs, message.messageTimeoutTicks),
    maxRetryCount: message.maxRetryCount,
    checkpointAfterMs: milliseconds(message.checkpointAfterMs, message.checkpointAfterTicks),
    minCheckpointCount: message.minCheckpointCount,
    maxCheckpointCount: message.maxCheckpointCount,
    maxSubscriberCount: message.maxSubscriberCount,
    liveBufferSize: message.liveBufferSize,
    readBatchSize: message.readBatchSize,
    historyBufferSize: message.historyBufferSize,
  }
  const [wrong] = Object.entries(numbers).find(([, value]) => value < 0) ?? []
  if (wrong !== undefined) return { problem: `${wrong} is below 0.` }
  const { readBatchSize, historyBufferSize } = numbers
  if (readBatchSize >= historyBufferSize) {
    const sizes = `readBatchSize (${readBatchSize}) must be less than historyBufferSize (${historyBufferSize})`
    return { problem: `${sizes}, which holds what is read.` }
  }
  const { resolveLinks, extraStatistics } = message
  return { resolveLinks, extraStatistics, ...numbers, strategy: named as StrategyName }
}

function milliseconds(ms: number | undefined, ticks: number | undefined): number {
  return ms ?? Math.trunc((ticks ?? 0) / ticksPerMs)
}

/** An event never times out for KurrentDB; here it does after a day. */
const timeoutMaxMs = 86_400_000
const checkpointMaxMs = 60_000
/** Silence after which a server is taken for lost, and others get what its consumers have. */
const serverTimeoutMs = 5_000
/** Events that may be unfinished, however small the buffers are: one that waits for its next attempt must not stop the others. */
const unfinishedMin = 1_000

/** What a consumer group is told. */
export function groupSettingsFor(settings: SubscriptionSettings): GivenGroupSettings {
  const { messageTimeoutMs, maxSubscriberCount, strategy } = settings
  const buffered = settings.historyBufferSize + settings.liveBufferSize
  return {
    strategy: strategies[strategy],
    pinnedBy: 'consumer',
    messageTimeoutMs: within(messageTimeoutMs === 0 ? timeoutMaxMs : messageTimeoutMs, 1, timeoutMaxMs),
    retriesMax: within(settings.maxRetryCount, 0, limits.groupRetries),
    retryDelayMs: 0,
    memberTimeoutMs: serverTimeoutMs,
    inFlightMax: within(buffered, unfinishedMin, limits.groupInFlight),
    consumersMax: within(
      maxSubscriberCount === 0 ? limits.groupConsumers : maxSubscriberCount,
      1,
      limits.groupConsumers,
    ),
    checkpointEvents: within(settings.maxCheckpointCount, 1, limits.groupInFlight),
    checkpointMs: within(settings.checkpointAfterMs, 1, checkpointMaxMs),
  }
}

function within(value: number, min: number, max: number): number {
  return Math.min(Math.max(value, min), max)
}
