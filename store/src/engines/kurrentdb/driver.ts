import { DriverMissing, InvalidArgument } from '../../model/errors.ts'

/**
 * What the engine needs of the `@kurrent/kurrentdb-client` package's client, by structure. It reads by `readStream` and
 * `readAll`, which give parsed values, and appends by `appendRecords`, the call that writes to streams and checks others.
 */
export interface KurrentClient {
  appendRecords(records: KurrentRecord[], checks?: KurrentCheck[]): Promise<KurrentAppended>
  appendToStream(stream: string, event: KurrentNewEvent, options: { streamState: KurrentState }): Promise<unknown>
  setStreamMetadata(stream: string, metadata: { readonly maxCount: number }): Promise<unknown>
  readStream(stream: string, options: KurrentStreamRead): AsyncIterable<KurrentResolved>
  readAll(options: KurrentLogRead): AsyncIterable<KurrentResolved>
  subscribeToAll(options: KurrentSubscription): KurrentSubscribed
  dispose(): Promise<void>
}

/** An event on its way to a stream. */
export interface KurrentRecord {
  readonly streamName: string
  readonly record: KurrentNewEvent
}

/** An event as the client takes it. */
export type KurrentNewEvent = KurrentJson | KurrentBinary

interface KurrentJson {
  readonly id: string
  readonly type: string
  readonly contentType: 'application/json'
  readonly data: KurrentValue
  readonly metadata: Record<string, string> | undefined
}

interface KurrentBinary {
  readonly id: string
  readonly type: string
  readonly contentType: 'application/octet-stream'
  readonly data: Uint8Array
  readonly metadata: Record<string, string> | undefined
}

/** Any value of JSON, under the type that the client has for those it takes. */
export type KurrentValue = Record<string, unknown> | string

/** A revision, or that there is no stream. */
export type KurrentState = bigint | 'no_stream'

/** What must hold of a stream, whether something is written to it or not. */
export interface KurrentCheck {
  readonly type: 'stream_state'
  readonly streamName: string
  readonly expectedState: KurrentState
}

/** Where the records landed: the last revision of each stream. */
export interface KurrentAppended {
  readonly responses: readonly { readonly streamName: string; readonly revision: bigint }[]
}

interface KurrentRead {
  readonly direction: 'forwards' | 'backwards'
  readonly maxCount: number
  /** A follower may be behind, and what was appended a moment ago would be missed. */
  readonly requiresLeader: true
}

interface KurrentStreamRead extends KurrentRead {
  readonly fromRevision: bigint | 'start' | 'end'
}

interface KurrentLogRead extends KurrentRead {
  readonly fromPosition: KurrentPlace
  readonly filter: KurrentFilter
}

interface KurrentSubscription {
  readonly fromPosition: KurrentPlace
  readonly filter: KurrentFilter
  readonly requiresLeader: true
}

/** Where to begin in the log. */
export type KurrentPlace = KurrentPosition | 'start' | 'end'

/** Where an event lies in the log. Events of one append may share a commit; no two share a prepare, and it only rises. */
export interface KurrentPosition {
  readonly commit: bigint
  readonly prepare: bigint
}

/** Which events the server sends. Mutable lists are what the client asks for. */
export type KurrentFilter = {
  readonly filterOn: 'streamName' | 'eventType'
  readonly checkpointInterval: number
} & ({ readonly regex: string } | { prefixes: string[] })

/** An event as the client gives it. */
export interface KurrentResolved {
  readonly event?: KurrentEvent
  readonly link?: KurrentEvent
}

/** A recorded event. */
export interface KurrentEvent {
  readonly streamId: string
  readonly id: string
  readonly type: string
  readonly revision: bigint
  readonly isJson: boolean
  readonly created: Date
  /** A parsed value, or bytes. */
  readonly data: unknown
  /** A parsed value, bytes that are no JSON, or undefined. */
  readonly metadata?: unknown
  readonly position?: KurrentPosition
}

/** A subscription, which is a stream of Node. */
export interface KurrentSubscribed extends AsyncIterable<unknown> {
  unsubscribe(): Promise<void>
}

/**
 * Connects by the official client. Nothing is sent before the first call.
 *
 * @throws DRIVER_MISSING when the client is not installed; INVALID_ARGUMENT for a connection string that it does not take.
 */
export async function openClient(url: string): Promise<KurrentClient> {
  const { KurrentDBClient: Client } = await importDriver()
  try {
    return Client.connectionString(url)
  } catch {
    // What the client says has the password in it.
    throw new InvalidArgument('url', 'is no connection string of KurrentDB: write kurrentdb://user:password@host:2113')
  }
}

async function importDriver(): Promise<Pick<typeof import('@kurrent/kurrentdb-client'), 'KurrentDBClient'>> {
  try {
    return (await import('@kurrent/kurrentdb-client')).default
  } catch (error) {
    const install = 'Install it beside varve: npm install @kurrent/kurrentdb-client'
    throw new DriverMissing('The @kurrent/kurrentdb-client package', install, { cause: error })
  }
}
