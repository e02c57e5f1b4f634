import type { GroupSettings, GroupStrategy, PinnedBy } from '../model/consumer-group.ts'
import { InvalidArgument, LimitExceeded } from '../model/errors.ts'
import { type LimitName, limits } from '../model/limits.ts'
import { normalQuery } from '../model/query.ts'
import { checkWhole } from '../model/whole-number.ts'

/** What a group may be told when it is created, and changed to later. */
export interface GivenGroupSettings {
  /** Default `'round_robin'`. */
  readonly strategy?: GroupStrategy | undefined
  /** What `'pinned'` keeps in order. Default `'stream'`. */
  readonly pinnedBy?: PinnedBy | undefined
  /** Milliseconds that a consumer has for an event before it is taken for failed. Default 30,000. */
  readonly messageTimeoutMs?: number | undefined
  /** Deliveries after the first one that failed, before an event is parked. Default 10. */
  readonly retriesMax?: number | undefined
  /** Milliseconds before the first retry, doubled for each further one up to `limits.groupRetryMs`. Default 1,000. */
  readonly retryDelayMs?: number | undefined
  /** Milliseconds without a sign of life after which a program is taken for lost, and others get its events. Default 10,000. */
  readonly memberTimeoutMs?: number | undefined
  /** Events that may be unfinished at a time; the group reads no further before one is. Default 1,000. */
  readonly inFlightMax?: number | undefined
  /** Events that a consumer has at a time, unless it says otherwise. Default 256. */
  readonly bufferEvents?: number | undefined
  /** Consumers at the most. Default `limits.groupConsumers`. */
  readonly consumersMax?: number | undefined
  /** Acks after which they are saved, at the latest. Default 1,000. */
  readonly checkpointEvents?: number | undefined
  /**
   * Milliseconds after which an ack is saved, at the latest, or sooner when something waits for it. More means fewer writes,
   * and more events that come again after a crash. 0: at once, together with those that come meanwhile. Default 20.
   */
  readonly checkpointMs?: number | undefined
  /** Any JSON value that is to be kept with the settings. It means nothing to the group. Default: nothing. */
  readonly notes?: unknown
}

/** Numbers of settings: default, smallest and largest value. */
const numbers = {
  messageTimeoutMs: { default: 30_000, min: 1, max: 86_400_000 },
  retriesMax: { default: 10, min: 0, max: 'groupRetries' },
  retryDelayMs: { default: 1_000, min: 0, max: 'groupRetryMs' },
  memberTimeoutMs: { default: 10_000, min: 100, max: 3_600_000 },
  inFlightMax: { default: 1_000, min: 1, max: 'groupInFlight' },
  bufferEvents: { default: 256, min: 1, max: 'consumerEvents' },
  consumersMax: { default: limits.groupConsumers, min: 1, max: 'groupConsumers' },
  checkpointEvents: { default: 1_000, min: 1, max: 'groupInFlight' },
  checkpointMs: { default: 20, min: 0, max: 60_000 },
} as const satisfies Record<
  string,
  { readonly default: number; readonly min: number; readonly max: LimitName | number }
>

/** The names of the settings that may be given, for the fields that options may have. */
export const settingNames: Readonly<Record<keyof GivenGroupSettings, true>> = {
  strategy: true,
  pinnedBy: true,
  messageTimeoutMs: true,
  retriesMax: true,
  retryDelayMs: true,
  memberTimeoutMs: true,
  inFlightMax: true,
  bufferEvents: true,
  consumersMax: true,
  checkpointEvents: true,
  checkpointMs: true,
  notes: true,
}

type NumberName = keyof typeof numbers

const numberNames = Object.keys(numbers) as NumberName[]

/**
 * Settings, complete and checked: what is not given is as before, or as the default says.
 *
 * @throws INVALID_ARGUMENT, LIMIT_EXCEEDED
 */
export function normalSettings(
  given: GivenGroupSettings,
  before: Pick<GroupSettings, 'stream' | 'filter'> & Partial<GroupSettings>,
): GroupSettings {
  const strategy = given.strategy ?? before.strategy ?? 'round_robin'
  if (!['round_robin', 'single', 'overflow', 'pinned', 'sticky'].includes(strategy)) {
    throw new InvalidArgument('strategy', "is none of 'round_robin', 'single', 'overflow', 'pinned' and 'sticky'")
  }
  const pinnedBy = given.pinnedBy ?? before.pinnedBy ?? 'stream'
  if (!isPinnedBy(pinnedBy)) {
    throw new InvalidArgument('pinnedBy', "is none of 'stream', 'category', 'correlation', 'tag:{name}' and 'consumer'")
  }
  for (const name of numberNames) checkNumber(name, given[name])
  const value = (name: NumberName): number => given[name] ?? before[name] ?? numbers[name].default
  const settings: GroupSettings = {
    stream: before.stream,
    filter: before.filter,
    strategy,
    pinnedBy,
    messageTimeoutMs: value('messageTimeoutMs'),
    retriesMax: value('retriesMax'),
    retryDelayMs: value('retryDelayMs'),
    memberTimeoutMs: value('memberTimeoutMs'),
    inFlightMax: value('inFlightMax'),
    bufferEvents: value('bufferEvents'),
    consumersMax: value('consumersMax'),
    checkpointEvents: value('checkpointEvents'),
    checkpointMs: value('checkpointMs'),
    notes: given.notes ?? before.notes,
  }
  normalQuery(settings.filter)
  const bytes = new TextEncoder().encode(JSON.stringify(settings)).length
  if (bytes > limits.groupSettingsBytes)
    throw new LimitExceeded('groupSettingsBytes', bytes, 'Use a shorter filter, and shorter notes.')
  return settings
}

function isPinnedBy(text: unknown): text is PinnedBy {
  if (typeof text !== 'string') return false
  return ['stream', 'category', 'correlation', 'consumer'].includes(text) || /^tag:./.test(text)
}

function checkNumber(name: NumberName, value: unknown): void {
  if (value === undefined) return
  const { min, max } = numbers[name]
  checkWhole(name, value, min)
  if (typeof max === 'number') {
    if (value > max) throw new InvalidArgument(name, `is more than ${max}`)
  } else if (value > limits[max]) {
    throw new LimitExceeded(max, value, 'Choose a smaller number.')
  }
}
