/** What the server and an isolate tell each other. All of it can be sent from one thread to another. */

/** An event for user code, as the language takes it apart. */
export type PackedEvent = readonly [
  position: number,
  partition: string,
  stream: string,
  type: string,
  revision: number,
  id: string,
  isJson: boolean,
  created: string,
  body: string,
  metadata: string | null,
  linkMetadata: string | null,
  category: string | null,
  ended: 'soft' | 'hard' | null,
]

/** What user code wants written: an event into a stream, or the result of a partition. */
export type Output = readonly [
  position: number,
  ordinal: number,
  kind: 'emit' | 'result',
  place: string,
  type: string,
  data: string,
  metadata: string | null,
  isJson: boolean,
]

/** What a projection says that it is. */
export interface Definition {
  readonly streams: readonly string[]
  readonly isAll: boolean
  readonly by: 'nothing' | 'stream' | 'key'
  /** Types that have handlers. */
  readonly types: readonly string[]
  /** True: it wants events of all types. */
  readonly isAny: boolean
  readonly folds: boolean
  readonly handlesDeleted: boolean
  readonly isBi: boolean
  /** True: each new result is written. */
  readonly outputs: boolean
  readonly includeLinks: boolean
  readonly resultStream: string | null
  readonly partitionResultPattern: string | null
}

/** What went wrong in user code, and while it handled what. */
export interface Fault {
  /** The event's position, 0 when there was none. */
  readonly at: number
  /** The handler, empty outside of them. */
  readonly handling: string
  readonly name: string
  readonly message: string
  readonly stack: string
}

/** Whether an answer is a fault. */
export function isFault(answer: unknown): answer is Fault {
  return typeof answer === 'object' && answer !== null && 'handling' in answer
}

/** A partition and its state, as JSON. */
export type StateEntry = readonly [partition: string, state: string]

/** What came of some events. */
export interface Evaluated {
  /** So many of them were handled. */
  readonly done: number
  readonly outputs: readonly Output[]
  readonly logs: readonly string[]
  /** Why the next one was not. */
  readonly fault: Fault | undefined
}

/** The same as the language gives it. */
export interface Handled {
  readonly done: number
  readonly outputs: readonly Output[]
  readonly logs: readonly string[]
  readonly fault: Fault | null
}

/** States that have changed. */
export interface Collected {
  readonly changed: readonly (readonly [partition: string, state: string, position: number])[]
  /** The state that all partitions share, null when it has not changed. */
  readonly shared: string | null
  /** States that are kept in memory. */
  readonly partitions: number
}

/** What an isolate is asked, in turn. */
export type Question =
  | { readonly kind: 'load'; readonly source: string }
  | { readonly kind: 'initialize' }
  | { readonly kind: 'restore'; readonly states: readonly StateEntry[]; readonly shared: string | null }
  | { readonly kind: 'partitions'; readonly events: readonly PackedEvent[] }
  | { readonly kind: 'unknown'; readonly partitions: readonly string[] }
  | { readonly kind: 'evaluate'; readonly events: readonly PackedEvent[] }
  | { readonly kind: 'collect'; readonly room: { readonly partitions: number; readonly chars: number } }
  | { readonly kind: 'result'; readonly state: string }
