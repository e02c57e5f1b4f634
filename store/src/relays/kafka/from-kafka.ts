/**
 * Takes messages of Kafka in as events, as one member of a consumer group:
 *
 * join > read some > make events, append them > commit how far > read some
 *                  > fails > wait and try again | set aside and go on | commit what was before, and stop
 *
 * Invariants: what is committed was appended, or set aside, or makes no event; the ids of events follow from topic, partition
 * and offset, so what is read again, by whatever member, is appended once; messages of one stream are appended in their order.
 */

import type { Clock } from '../../engine/clock.ts'
import { systemClock, systemRandom } from '../../engine/system-clock.ts'
import type { EventStore } from '../../event-store.ts'
import type { Complete } from '../../model/complete.ts'
import { InvalidArgument, isVarveError } from '../../model/errors.ts'
import { fieldsOf, refuseUnknownOptions } from '../../model/known-fields.ts'
import { MessageRefused } from '../../model/relay-errors.ts'
import { checkCluster, checkTopic, type KafkaCluster } from './client.ts'
import { translatedKafka } from './errors.ts'
import { appended, type IncomingEvents, type Received, type Writes, writesOf } from './incoming.ts'
import { type Membership, type Messages, openMembership } from './membership.ts'
import { decided, type MessagePolicy, stopUnlessPassing } from './message-policy.ts'
import { parkMessage } from './parked-messages.ts'
import { committable, type RawMessage, received } from './received.ts'

const optionFields = fieldsOf<FromKafkaOptions>({
  group: true,
  topics: true,
  toEvents: true,
  from: true,
  sessionMs: true,
  onFailure: true,
  signal: true,
  log: true,
  clock: true,
  random: true,
  brokers: true,
  clientId: true,
  tls: true,
  sasl: true,
})

/** Options of {@link appendFromKafka}. */
export interface FromKafkaOptions extends KafkaCluster {
  /** The consumer group: its members share the partitions, and Kafka keeps its place. */
  readonly group: string
  readonly topics: readonly string[]
  /** Makes events of a message. */
  readonly toEvents: IncomingEvents
  /** Where a group begins that has no place yet, or whose place is no longer in the topic. Default `'earliest'`. */
  readonly from?: 'earliest' | 'latest' | undefined
  /**
   * After how long without a sign of life the others of the group take a member's partitions over, in milliseconds. Brokers take
   * 6,000 and more unless they are set otherwise. Default 30,000.
   */
  readonly sessionMs?: number | undefined
  /** What is done about a message that cannot be appended. Default: to stop, unless what is wrong passes by itself. */
  readonly onFailure?: MessagePolicy | undefined
  /** Stops it, as {@link RunningFromKafka.stop} does. */
  readonly signal?: AbortSignal | undefined
  /** Where lines for people go. Default: process warnings, for what is wrong. */
  readonly log?: ((line: FromKafkaLogLine) => void) | undefined
  /** Default: the machine's clock. */
  readonly clock?: Clock | undefined
  /** Numbers from 0 up to 1, for jitter. Default: the machine's. */
  readonly random?: (() => number) | undefined
}

/** Something to tell a person. */
export interface FromKafkaLogLine {
  readonly level: 'info' | 'warn'
  readonly text: string
  readonly error?: unknown
}

/** What became of messages since it began. */
export interface FromKafkaCounts {
  readonly received: number
  readonly appended: number
  /** Those that had been appended before. */
  readonly repeated: number
  /** Those that make no event. */
  readonly leftOut: number
  readonly parked: number
  readonly retries: number
}

/** Messages of Kafka on their way into a store. */
export interface RunningFromKafka extends AsyncDisposable {
  /** Settles when it has ended: resolves when it was stopped or the store was closed, rejects when it failed. */
  readonly done: Promise<void>
  readonly counts: FromKafkaCounts
  /** Messages of its partitions that are not taken in; undefined while it is no member of the group, or does not know its place yet. */
  lag(): Promise<number | undefined>
  /** Stops after the messages under way. Stopping twice is fine. */
  stop(): Promise<void>
}

type FromKafkaStore = Pick<EventStore, 'append' | 'appendAll' | 'shelf'>

type CompleteOptions = Complete<Omit<FromKafkaOptions, keyof KafkaCluster>> & { readonly cluster: KafkaCluster }

/** Messages that are appended beside each other, and committed together. */
const batchMessages = 256

/** The pause before the group is joined again after the brokers were away, in milliseconds; it doubles. */
const pauseMs = 200
const pauseMaxMs = 10_000

/**
 * Appends messages of Kafka as events until it is stopped, together with all others of the same group. Each message is
 * appended once, however often it is read, for the ids of its events follow from topic, partition and offset; its place is
 * committed to Kafka afterwards. Of transactions only what is committed is taken in.
 *
 * A message that cannot be made into events, or that the store refuses, ends it with MESSAGE_REFUSED, unless `onFailure`
 * parks it. A store or a broker that is away is waited for.
 *
 * @throws INVALID_ARGUMENT
 */
export function appendFromKafka(store: FromKafkaStore, options: FromKafkaOptions): RunningFromKafka {
  refuseUnknownOptions(options, optionFields, 'appendFromKafka')
  const complete = withDefaults(options)
  const intake = new Intake(store, complete)
  const done = intake.run()
  const stop = (): Promise<void> => {
    intake.stopping.abort()
    return done
  }
  return {
    done,
    get counts() {
      return { ...intake.counts }
    },
    lag: () => intake.lag(),
    stop,
    [Symbol.asyncDispose]: stop,
  }
}

class Intake {
  readonly stopping: AbortController = new AbortController()
  readonly counts: { -readonly [Name in keyof FromKafkaCounts]: FromKafkaCounts[Name] } = {
    ...{ received: 0, appended: 0, repeated: 0, leftOut: 0, parked: 0, retries: 0 },
  }
  readonly #store: FromKafkaStore
  readonly #options: CompleteOptions
  readonly #signal: AbortSignal
  #membership: Membership | undefined
  #underWay: Promise<unknown> | undefined

  constructor(store: FromKafkaStore, options: CompleteOptions) {
    this.#store = store
    this.#options = options
    this.#signal = AbortSignal.any([options.signal, this.stopping.signal])
  }

  async run(): Promise<void> {
    const { clock, random, log } = this.#options
    for (let failures = 0; !this.#signal.aborted; failures++) {
      const before = this.counts.received
      try {
        await this.#asMember()
      } catch (thrown) {
        if (this.#signal.aborted || isVarveError(thrown, 'STORE_CLOSED')) return
        const error = translatedKafka(thrown)
        if (!isVarveError(error) || !error.retryable) throw error
        if (this.counts.received > before) failures = 0
        const afterMs = Math.round(Math.min(pauseMs * 2 ** failures, pauseMaxMs) * (0.5 + random() / 2))
        log({ level: 'warn', text: `Joins the group again in ${afterMs} ms: ${error.message}`, error })
        await clock.sleep(afterMs, this.#signal)
      }
    }
  }

  async lag(): Promise<number | undefined> {
    const membership = this.#membership
    try {
      return await membership?.lag()
    } catch (error) {
      if (membership !== this.#membership) return undefined
      throw translatedKafka(error)
    }
  }

  /** Takes part in the group until something goes wrong, or the end is asked for. */
  async #asMember(): Promise<void> {
    const membership = await openMembership(this.#options)
    this.#membership = membership
    try {
      await membership.read(this.#signal, (messages) => this.#read(membership, messages))
    } finally {
      this.#membership = undefined
      await membership.end()
      // What is being appended for a membership that broke is appended, before anything else is.
      await this.#underWay
    }
  }

  async #read(membership: Membership, messages: Messages): Promise<void> {
    let batch: RawMessage[] = []
    for await (const message of messages) {
      batch.push(message)
      // What is there already goes together; nothing is waited for.
      if (batch.length < batchMessages && messages.readableLength > 0) continue
      await this.#take(membership, batch)
      batch = []
      if (this.#signal.aborted) return
    }
  }

  /** Appends messages, those of one stream one after the other, and commits how far all before is done. */
  async #take(membership: Membership, batch: readonly RawMessage[]): Promise<void> {
    const topicIdOf = await membership.topicIds()
    const last = new Map<string, Promise<void>>()
    const taking = batch.map((raw) => {
      const one = received(raw, topicIdOf(raw.topic))
      const first = this.#firstLook(one)
      const before = [...(first.writes?.keys() ?? [])].map((stream) => last.get(stream))
      const taken = Promise.all(before).then(() => this.#taken(one, first))
      for (const stream of first.writes?.keys() ?? []) last.set(stream, taken)
      return taken
    })
    const allTaken = Promise.allSettled(taking)
    this.#underWay = allTaken
    const outcomes = await allTaken
    const offsets = committable(batch, outcomes)
    if (offsets.length > 0) await membership.commit(offsets)
    for (const outcome of outcomes) if (outcome.status === 'rejected') throw outcome.reason
  }

  #firstLook(one: Received): FirstLook {
    try {
      return { writes: writesOf(one, this.#options.toEvents) }
    } catch (error) {
      return { error }
    }
  }

  async #taken(one: Received, first: FirstLook): Promise<void> {
    const { clock, log, group, toEvents } = this.#options
    this.counts.received++
    for (let attempts = 1; ; attempts++) {
      try {
        if (attempts === 1 && 'error' in first) throw first.error
        const writes = attempts === 1 && first.writes !== undefined ? first.writes : writesOf(one, toEvents)
        const isRepeated = await appended(this.#store, writes)
        this.counts[writes.size === 0 ? 'leftOut' : isRepeated ? 'repeated' : 'appended']++
        return
      } catch (error) {
        if (isVarveError(error, 'STORE_CLOSED')) throw error
        const decision = decided(this.#options, { error, message: one.message, attempts })
        if (decision === 'stop') throw new MessageRefused(one.message, error)
        if (decision === 'park_message') {
          await parkMessage(this.#store.shelf, group, one, { error, atMs: clock.now() })
          this.counts.parked++
          log({ level: 'warn', text: `${new MessageRefused(one.message, error).message} It is parked.`, error })
          return
        }
        this.counts.retries++
        await clock.sleep(decision.retryAfterMs, this.#signal)
        this.#signal.throwIfAborted()
      }
    }
  }
}

/** What a message is made into at the first attempt. */
type FirstLook =
  | { readonly writes: Writes; readonly error?: undefined }
  | { readonly writes?: undefined; readonly error: unknown }

function withDefaults(options: FromKafkaOptions): CompleteOptions {
  const { group, topics, toEvents, from = 'earliest', sessionMs = 30_000 } = options
  const { onFailure = stopUnlessPassing, log = warn, signal = new AbortController().signal } = options
  const { clock = systemClock, random = systemRandom } = options
  checkCluster(options)
  if (typeof group !== 'string' || !/^[\w.-]{1,100}$/.test(group)) {
    throw new InvalidArgument('group', "is not 1 to 100 of a-z, A-Z, 0-9, '.', '_' and '-'")
  }
  if (!Array.isArray(topics) || topics.length === 0) throw new InvalidArgument('topics', 'is not a list of topics')
  for (const [index, topic] of topics.entries()) checkTopic(topic, `topics[${index}]`)
  if (from !== 'earliest' && from !== 'latest') {
    throw new InvalidArgument('from', "is neither 'earliest' nor 'latest'")
  }
  if (!Number.isInteger(sessionMs) || sessionMs < 10 || sessionMs > 2 ** 31 - 1) {
    throw new InvalidArgument('sessionMs', 'is not a whole number of milliseconds from 10 to 2,147,483,647')
  }
  for (const [argument, value] of Object.entries({ toEvents, onFailure, log })) {
    if (typeof value !== 'function') throw new InvalidArgument(argument, 'is not a function')
  }
  return { cluster: options, group, topics, toEvents, from, sessionMs, onFailure, log, signal, clock, random }
}

function warn({ level, text }: Parameters<CompleteOptions['log']>[0]): void {
  if (level !== 'info') process.emitWarning(text, { type: 'VarveFromKafka' })
}
