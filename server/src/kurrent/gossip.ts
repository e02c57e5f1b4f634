import type { Clock } from 'varve'
import { type EndPoint, endPointOf } from '../end-point.ts'
import type { Call } from './grpc/call.ts'
import { type Methods, unary } from './grpc/method.ts'
import type { Messages } from './protobuf/messages.ts'

interface ClusterInfo {
  readonly members: readonly MemberInfo[]
}

interface MemberInfo {
  readonly instanceId: { readonly string: string }
  readonly timeStamp: number
  readonly state: number
  readonly isAlive: boolean
  readonly httpEndPoint: EndPoint
}

/** What gossip needs to know. */
export interface GossipParts {
  readonly clock: Clock
  /** Who this server is, for as long as it runs. */
  readonly instanceId: string
}

/** The state of a node that takes appends. */
const leader = 8

/** .NET counts in 100 ns since the year 1; 1970 began at this many milliseconds of it. */
const epochMs = 62_135_596_800_000

/** A time as .NET counts it. */
export function ticksOf(ms: number): number {
  return (ms + epochMs) * 10_000
}

/** One node, the leader, at the address by which the client has reached it: another one may not lead here. */
export function gossip(messages: Messages, { clock, instanceId }: GossipParts): Methods {
  const codec = messages.codec<object, ClusterInfo>('event_store.client.Empty', 'event_store.client.gossip.ClusterInfo')
  const read = (_: object, { headers }: Call): ClusterInfo => {
    const timeStamp = ticksOf(clock.now())
    const scheme = headers[':scheme'] === 'https' ? 'https' : 'http'
    const httpEndPoint = endPointOf(scheme, headers[':authority'] ?? headers.host)
    return { members: [{ instanceId: { string: instanceId }, timeStamp, state: leader, isAlive: true, httpEndPoint }] }
  }
  return { '/event_store.client.gossip.Gossip/Read': unary(codec, read) }
}
