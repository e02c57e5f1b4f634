import type { Clock, EventStore } from 'varve'
import { gossip } from './gossip.ts'
import type { Methods } from './grpc/method.ts'
import { createTail } from './live/tail.ts'
import { clientProto } from './proto/client.ts'
import { gossipProto } from './proto/gossip.ts'
import { serverFeaturesProto } from './proto/server-features.ts'
import { messagesOf } from './protobuf/messages.ts'
import { serverFeatures } from './server-features.ts'
import { streamsMethods } from './streams/methods.ts'
import { Numbering } from './views/numbering.ts'

/** What the services of KurrentDB are made of. */
export interface KurrentParts {
  readonly store: EventStore
  readonly clock: Clock
  /** Fresh UUIDs. */
  readonly newId: () => string
  /** Aborts when the server shuts down. */
  readonly closing: AbortSignal
  /** Hears of what is the server's own failure, and ends no call. */
  readonly failed: (error: unknown) => void
  /** Hear how many subscriptions there are. */
  readonly opened: () => void
  readonly closed: () => void
}

/** The services of KurrentDB that this server has, over the store. */
export function kurrentMethods(parts: KurrentParts): Methods {
  const { store, clock, newId } = parts
  const messages = messagesOf(clientProto, serverFeaturesProto, gossipProto)
  const methods = {
    ...streamsMethods({ ...parts, tail: createTail(store), numbering: new Numbering(store) }),
    ...gossip(messages, { clock, instanceId: newId() }),
  }
  return { ...methods, ...serverFeatures(messages, methods) }
}
