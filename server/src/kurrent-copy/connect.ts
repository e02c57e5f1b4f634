import type { AllStreamResolvedEvent, AllStreamSubscription, KurrentDBClient } from '@kurrent/kurrentdb-client'
import { DriverMissing } from 'varve'
import { unlessAborted } from '../kurrent/grpc/unless-aborted.ts'

/** An event of a KurrentDB as its client's native reader gives it: the bytes as they are, nothing parsed. */
export interface SourceEvent {
  readonly streamId: string
  readonly id: string
  readonly type: string
  readonly isJson: boolean
  readonly revision: bigint
  /** Milliseconds since 1970. */
  readonly created: number
  readonly data: Uint8Array
  readonly metadata: Uint8Array
  readonly position?: SourcePosition
}

/** Where an event lies among all of its database. */
export interface SourcePosition {
  readonly commit: bigint
  readonly prepare: bigint
}

/** The user of a connection string. */
interface Login {
  readonly username: string
  readonly password: string
}

/** A database of KurrentDB, or a Varve that is served. */
export interface Kurrent {
  readonly client: KurrentDBClient
  readonly login: Login | undefined
  /** Its hosts, without the user and the password: to be printed and to keep places by. */
  readonly name: string
}

const connectionString = /^(?:kurrentdb|kurrent|kdb|esdb)(?:\+discover)?:\/\//i

/** Whether a text is meant as a connection string of KurrentDB. */
export function isConnectionString(text: string): boolean {
  return connectionString.test(text) && hostsOf(text) !== ''
}

/** What a connection string leads to, without the user, the password and the options. */
export function hostsOf(text: string): string {
  const rest = text.replace(connectionString, '')
  // Behind the last @, although options may have one too: a password that was not encoded must not come out.
  const [hosts = ''] = rest.slice(rest.lastIndexOf('@') + 1).split(/[/?#]/)
  return hosts
}

/**
 * Connects by the official client. Nothing is sent before the first call.
 *
 * @throws DRIVER_MISSING when the client is not installed; what it says itself of a connection string it does not take.
 */
export async function connectKurrent(text: string): Promise<Kurrent> {
  const { KurrentDBClient: Client } = await importDriver()
  const client = Client.connectionString(text)
  // What the client documents parses what it reads, and no parsed JSON is the bytes again. Its own readers stand on this one.
  if (typeof client.rustClient?.readAll !== 'function') {
    const install = 'This one has no reader of bytes as they are: npm install @kurrent/kurrentdb-client@1.3.1'
    throw new DriverMissing('The @kurrent/kurrentdb-client package in a version that is known', install)
  }
  return { client, login: loginIn(text), name: hostsOf(text) }
}

/**
 * The user as the client itself reads it. Its native reader does so too, but takes a percent-encoded password for the password:
 * it is given the user with each read.
 */
function loginIn(text: string): Login | undefined {
  const [, username = '', password = ''] = /^([^:]+):([^:@]+)@/.exec(text.replace(connectionString, '')) ?? []
  if (username === '') return undefined
  return { username: decodeURIComponent(username), password: decodeURIComponent(password) }
}

async function importDriver(): Promise<Pick<typeof import('@kurrent/kurrentdb-client'), 'KurrentDBClient'>> {
  try {
    return (await import('@kurrent/kurrentdb-client')).default
  } catch (error) {
    const install = 'Install it beside varve-server: npm install @kurrent/kurrentdb-client'
    throw new DriverMissing('The @kurrent/kurrentdb-client package', install, { cause: error })
  }
}

/**
 * All events of a database from a position on, that one included; without one, from its first.
 *
 * The client's reader gives exact bytes and whole seconds, its subscriptions parsed values and exact times. Both go over the same
 * events in the same order, so that the times of one are put to the bytes of the other.
 */
export async function* eventsFrom(
  { client, login }: Kurrent,
  from: SourcePosition | undefined,
  signal: AbortSignal,
): AsyncGenerator<SourceEvent> {
  const place = { direction: 'forwards', fromPosition: from ?? 'start' } as const
  const exact = client.rustClient.readAll({ ...everything, ...place, ...as(login) })
  let times: Times | undefined
  try {
    for await (const event of eventsOf(exact, signal)) {
      const isFirst = isAt(event, from)
      // A subscription begins behind the position that it is given.
      if (!isFirst)
        times ??= createTimes(client.subscribeToAll({ fromPosition: from ?? 'start', requiresLeader: true }))
      const created = times === undefined ? undefined : await unlessAborted(times.of(event), signal)
      yield created === undefined ? event : { ...event, created }
    }
  } finally {
    await times?.end()
  }
}

function isAt({ position }: Pick<SourceEvent, 'position'>, place: SourcePosition | undefined): boolean {
  return position !== undefined && position.commit === place?.commit && position.prepare === place.prepare
}

/** When events were created, to the millisecond, asked for in the order of all events. */
interface Times {
  /** Undefined for an event that the subscription passes over. */
  of(event: SourceEvent): Promise<number | undefined>
  end(): Promise<void>
}

function createTimes(subscription: AllStreamSubscription): Times {
  const events = subscription[Symbol.asyncIterator]() as AsyncIterator<AllStreamResolvedEvent>
  let next: Promise<IteratorResult<AllStreamResolvedEvent>> | undefined
  return {
    of: async ({ position }) => {
      if (position === undefined) return undefined
      for (;;) {
        next ??= events.next()
        const { value, done } = await next
        if (done === true) return undefined
        const { event } = value
        if (event !== undefined && event.position.commit > position.commit) return undefined
        next = undefined
        if (event !== undefined && isAt(event, position)) return event.created.getTime()
      }
    },
    end: () => subscription.unsubscribe(),
  }
}

/** Events of a database, the last one first: all, or so many. Their times are in whole seconds. */
export function eventsBackwards(
  { client, login }: Kurrent,
  signal: AbortSignal,
  count: bigint = everything.maxCount,
): AsyncGenerator<SourceEvent> {
  const place = { direction: 'backwards', fromPosition: 'end', maxCount: count } as const
  return eventsOf(client.rustClient.readAll({ ...everything, ...place, ...as(login) }), signal)
}

function as(login: Login | undefined): { readonly credentials?: Login } {
  return login === undefined ? {} : { credentials: login }
}

/** The position of the last event, undefined when there is none. */
export async function lastPosition(kurrent: Kurrent, signal: AbortSignal): Promise<SourcePosition | undefined> {
  for await (const { position } of eventsBackwards(kurrent, signal, 1n)) return position
  return undefined
}

const everything = {
  maxCount: BigInt(Number.MAX_SAFE_INTEGER),
  // A follower may be behind, and what was appended a moment ago would be missed.
  requiresLeader: true,
  resolvesLink: false,
} as const

interface Resolved {
  readonly event?: SourceEvent
  readonly link?: SourceEvent
}

/** The reader takes no signal: what it is waited for ends with one all the same. */
async function* eventsOf(pages: AsyncIterable<readonly Resolved[]>, signal: AbortSignal): AsyncGenerator<SourceEvent> {
  const reader = pages[Symbol.asyncIterator]()
  for (;;) {
    const { value, done } = await unlessAborted(reader.next(), signal)
    for (const { event, link } of (value ?? []) as readonly Resolved[]) {
      const shown = link ?? event
      if (shown !== undefined) yield shown
    }
    if (done === true) return
  }
}
