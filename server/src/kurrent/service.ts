import { type Clock, type EventStore, requireOneOrder } from 'varve'
import type { Accounts } from '../auth/accounts.ts'
import { gossip } from './gossip.ts'
import type { Methods } from './grpc/method.ts'
import { createTail } from './live/tail.ts'
import { monitoring } from './monitoring.ts'
import { needlessOperations, operations } from './operations.ts'
import { persistentMethods } from './persistent/methods.ts'
import { projectionsMethods } from './projections/methods.ts'
import type { Supervisor } from './projections/supervisor.ts'
import { clientProto } from './proto/client.ts'
import { gossipProto } from './proto/gossip.ts'
import { monitoringProto } from './proto/monitoring.ts'
import { operationsProto } from './proto/operations.ts'
import { persistentSubscriptionsProto } from './proto/persistent-subscriptions.ts'
import { projectionsProto } from './proto/projections.ts'
import { serverFeaturesProto } from './proto/server-features.ts'
import { rpcProto, serverErrorsProto, streamsV2ErrorsProto, streamsV2Proto } from './proto/streams-v2.ts'
import { usersProto } from './proto/users.ts'
import { type Messages, messagesOf } from './protobuf/messages.ts'
import { serverFeatures } from './server-features.ts'
import { streamsMethods } from './streams/methods.ts'
import { streamsV2Methods } from './streams-v2/methods.ts'
import { users } from './users.ts'
import { Numbering } from './views/numbering.ts'

const protos = [
  clientProto,
  serverFeaturesProto,
  gossipProto,
  monitoringProto,
  operationsProto,
  usersProto,
  persistentSubscriptionsProto,
  projectionsProto,
  rpcProto,
  streamsV2Proto,
  streamsV2ErrorsProto,
  serverErrorsProto,
]

/** What the services of KurrentDB are made of. */
export interface KurrentParts {
  readonly store: EventStore
  readonly accounts: Accounts
  readonly clock: Clock
  /** Fresh UUIDs. */
  readonly newId: () => string
  /** Who this server is, for as long as it runs. */
  readonly instanceId: string
  /** Aborts when the server shuts down. */
  readonly closing: AbortSignal
  /** The projections that users write. */
  readonly projections: Supervisor
  /** Hears of what is the server's own failure, and ends no call. */
  readonly failed: (error: unknown) => void
  /** Hear how many subscriptions there are. */
  readonly opened: () => void
  readonly closed: () => void
}

/** The same for every server of a process; to read their texts was an eighth of the start of each. */
let messages: Messages | undefined

/** The services of KurrentDB that this server has, over the store. */
export function kurrentMethods(parts: KurrentParts): Methods {
  const { store, clock, instanceId } = parts
  messages ??= messagesOf(...protos)
  const numbering = new Numbering(store)
  const methods = {
    ...streamsMethods({ ...parts, tail: createTail(store), numbering }),
    ...persistentMethods(messages, { ...parts, numbering }),
    ...streamsV2Methods(messages, parts),
    ...gossip(messages, { clock, instanceId }),
    ...monitoring(messages, parts),
    ...operations(messages),
    ...users(messages, parts.accounts.users),
    ...projectionsMethods(messages, parts),
  }
  return { ...refusedInShards(methods, store), ...needlessOperations, ...serverFeatures(messages, methods) }
}

/**
 * KurrentDB has one log: every answer tells a position of `$all`, views and projections are numbered along it. A store with
 * several orders cannot speak so, and says it with every call instead of with some answers.
 */
function refusedInShards<Served extends Methods>(methods: Served, { capabilities }: EventStore): Served | Methods {
  if (capabilities.logShards === 1) return methods
  const refused = async (): Promise<void> =>
    requireOneOrder(capabilities, "The protocol of KurrentDB needs one order of all events: use Varve's own API.")
  return Object.fromEntries(Object.keys(methods).map((path) => [path, refused]))
}
