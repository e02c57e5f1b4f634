import type { Clock } from 'varve'
import { gossip } from './gossip.ts'
import type { Methods } from './grpc/method.ts'
import { clientProto } from './proto/client.ts'
import { gossipProto } from './proto/gossip.ts'
import { serverFeaturesProto } from './proto/server-features.ts'
import { messagesOf } from './protobuf/messages.ts'
import { serverFeatures } from './server-features.ts'

/** What the services of KurrentDB are made of. */
export interface KurrentParts {
  readonly clock: Clock
  /** Fresh UUIDs. */
  readonly newId: () => string
}

/** The services of KurrentDB that this server has, over the store. */
export function kurrentMethods({ clock, newId }: KurrentParts): Methods {
  const messages = messagesOf(clientProto, serverFeaturesProto, gossipProto)
  const methods = { ...gossip(messages, { clock, instanceId: newId() }) }
  return { ...methods, ...serverFeatures(messages, methods) }
}
