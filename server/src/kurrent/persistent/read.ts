import { type Clock, type Delivery, type EventStore, type GroupConsumer, joinGroup, limits } from 'varve'
import { AccessRefused } from '../../auth/access.ts'
import type { Call, Handler } from '../grpc/call.ts'
import { CallFailed } from '../grpc/status.ts'
import { ReadResponses } from '../streams/read-response.ts'
import type { Connected, Connections } from './connections.ts'
import { InFlight } from './in-flight.ts'
import { loadNotes } from './load.ts'
import { type Notes, notesIn } from './notes.ts'
import { type Beginning, decodeReadRequest, type ReadRequest, type Word } from './read-request.ts'
import { doesNotExist, subscriptionFailure } from './refusals.ts'
import { badRequest, groupNameOf, type SubscriptionName, sourceOf } from './subscription-name.ts'

/**
 * Read: a consumer of a persistent subscription.
 *
 * options > joined > confirmed > (event sent > word on it heard) … > everything given back
 *
 * The client never has more events than its buffer holds, however slow it is: the group hands out no more, and nothing is
 * sent while the client does not read. What it has when it leaves goes to others at once.
 */

/** What consumers need. */
export interface PersistentReadParts {
  readonly store: EventStore
  readonly clock: Clock
  readonly connections: Connections
  /** Aborts when the server shuts down. */
  readonly closing: AbortSignal
  /** Hear how many subscriptions there are. */
  readonly opened: () => void
  readonly closed: () => void
}

/**
 * Events that are kept ready for a consumer besides those it has: as many again, within these bounds. Without them each
 * acknowledgement of a consumer whose buffer is full would be a write of the group. Measured on SQLite with one Node client,
 * on a busy machine: 460 events a second with a buffer of 10 and 570 with 200; 1,360 and 1,030 with them.
 */
const readyMin = 32
const readyMax = 500

/** The method Read. */
export function readPersistent(parts: PersistentReadParts): Handler {
  return async (call) => {
    call.acknowledge()
    const requests = requestsOf(call)
    const first = await requests.next()
    if (first.done === true || first.value.kind !== 'options')
      throw badRequest('The first message has to have options.')
    await mayRead(call, first.value)
    parts.opened()
    try {
      await consume(parts, call, first.value, requests)
    } catch (error) {
      if (parts.closing.aborted)
        throw new CallFailed('unavailable', 'The server shuts down. Subscribe again, elsewhere or later.')
      if (error instanceof AccessRefused) throw error
      throw subscriptionFailure(first.value.name, error)
    } finally {
      parts.closed()
    }
  }
}

/** Whoever consumes a subscription reads what it is to. */
function mayRead({ access }: Call, { name: { stream = '$all' } }: Beginning): Promise<void> | undefined {
  return access.to('read', stream)
}

async function* requestsOf(call: Call): AsyncGenerator<ReadRequest> {
  for await (const batch of call.batches()) for (const message of batch) yield decodeReadRequest(message)
}

async function consume(
  parts: PersistentReadParts,
  call: Call,
  options: Beginning,
  requests: AsyncIterable<ReadRequest>,
): Promise<void> {
  const { store, clock, connections } = parts
  const dropping = new AbortController()
  const ends = AbortSignal.any([call.signal, parts.closing, dropping.signal])
  const signal = call.access.whileAllowed(() => mayRead(call, options), ends)
  const group = groupNameOf(options.name)
  const notes = await loadNotes(store, options.name, signal)
  const bufferEvents = Math.min(Math.max(options.bufferSize, 1), limits.consumerEvents)
  const connected = connections.join(group, notes, {
    peer: call.peer,
    login: call.access.login,
    name: connectionNameOf(call),
    bufferEvents,
    isMeasured: notes.settings.extraStatistics,
    drop: (reason) => dropping.abort(reason),
  })
  const { source, connection } = connected
  const { store: groupStore, keyOf } = source
  try {
    const readyEvents = Math.min(Math.max(bufferEvents, readyMin), readyMax)
    const joining = { name: connection.consumer, bufferEvents, readyEvents, keyOf, clock, onChange: 'end' } as const
    await using consumer = joinGroup(groupStore, group, joining)
    const current = notesIn(await consumer.joined({ signal }))
    // It was deleted and created again between two looks: this source is not that of the new one.
    if (current?.created !== notes.created) throw doesNotExist(options.name)
    const responses = new ReadResponses(call, options.uuidForm, signal, () => mayRead(call, options))
    await new Consumption({ parts, options, consumer, connected, notes: current, responses, signal }).run(requests)
  } finally {
    connected.leave()
  }
}

function connectionNameOf({ headers }: Call): string {
  const name = headers['connection-name']
  return typeof name === 'string' ? name : ''
}

interface ConsumptionParts {
  readonly parts: PersistentReadParts
  readonly options: Beginning
  readonly consumer: GroupConsumer
  readonly connected: Connected
  readonly notes: Notes
  readonly responses: ReadResponses
  readonly signal: AbortSignal
}

/** One consumer, from its confirmation on. */
class Consumption {
  readonly #parts: ConsumptionParts
  readonly #inFlight: InFlight
  #isFlushDue = false
  /** Set while the client does not keep up. */
  #full: Promise<void> | undefined
  /** Rejects when something could not be sent: the client has gone, or may read no more. */
  readonly #unsent = Promise.withResolvers<never>()

  constructor(parts: ConsumptionParts) {
    this.#parts = parts
    this.#inFlight = new InFlight(parts.connected.connection.bufferEvents)
  }

  /** Goes on until the client has sent its last message. */
  async run(requests: AsyncIterable<ReadRequest>): Promise<void> {
    const { options, responses } = this.#parts
    responses.confirmation(titleOf(options.name))
    await responses.send()
    const hearing = this.#hear(requests)
    const delivering = this.#deliver()
    delivering.catch(() => undefined)
    hearing.catch(() => undefined)
    this.#unsent.promise.catch(() => undefined)
    await Promise.race([hearing, delivering, this.#unsent.promise])
  }

  async #hear(requests: AsyncIterable<ReadRequest>): Promise<void> {
    for await (const request of requests) {
      if (request.kind === 'options') throw badRequest('Only the first message has options.')
      this.#take(request)
    }
  }

  /** What an id means that was not sent, or is not the consumer's any more, comes again: there is nobody to tell. */
  #take({ ids, says, reason }: Word): void {
    const { connection } = this.#parts.connected
    const nowMs = this.#parts.parts.clock.now()
    for (const id of ids) {
      const sent = this.#inFlight.take(id)
      if (sent === undefined) continue
      connection.latencies?.add(nowMs - sent.sentMs)
      const known = says === 'ack' ? sent.delivery.ack() : sent.delivery.nack(says, { reason })
      known.catch(() => undefined)
    }
    connection.inFlight = this.#inFlight.count
  }

  /** Takes one event after the other, so that consumers take turns; what comes together is sent together. */
  async #deliver(): Promise<never> {
    const { consumer, signal } = this.#parts
    for (;;) {
      const [delivery] = await consumer.take(1, { signal })
      if (delivery === undefined) throw new CallFailed('unavailable', 'The store was closed. Subscribe again.')
      await this.#send(delivery)
    }
  }

  async #send(delivery: Delivery): Promise<void> {
    const { parts, connected, notes, responses, signal } = this.#parts
    const { connection, source } = connected
    const { event, link } = await source.shown(delivery.event, notes.settings.resolveLinks, signal)
    const id = (link ?? event)?.id
    if (id === undefined) return
    this.#inFlight.add(id, { delivery, sentMs: parts.clock.now() })
    connection.inFlight = this.#inFlight.count
    connection.total++
    const full = responses.event({ event, ...(link !== undefined && { link }), retries: delivery.attempt - 1 })
    if (full === undefined) this.#flushSoon()
    await (full ?? this.#full)
  }

  #flushSoon(): void {
    const { parts, responses } = this.#parts
    if (this.#isFlushDue) return
    this.#isFlushDue = true
    const flush = async (): Promise<void> => {
      await parts.clock.turn()
      this.#isFlushDue = false
      this.#full = responses.send()
      await this.#full
      this.#full = undefined
    }
    flush().catch((error: unknown) => this.#unsent.reject(error))
  }
}

/** What a subscription is confirmed under. */
function titleOf(name: SubscriptionName): string {
  return `${sourceOf(name)}::${name.group}`
}
