import type { FastifyPluginAsync } from 'fastify'
import type { Clock, EventStore } from 'varve'
import { openAccess } from '../auth/access.ts'
import { endPointOf } from '../end-point.ts'

/** What gossip over HTTP needs to know. */
export interface GossipParts {
  readonly store: EventStore
  readonly clock: Clock
  /** Who this server is, for as long as it runs. */
  readonly instanceId: string
  readonly isTls: boolean
}

/**
 * The nodes as KurrentDB lists them for its tools, and its Rust client for those who operate it: one node, the leader, at
 * the address by which it was reached. It is no part of the API that is described: names and values are KurrentDB's.
 */
export function gossipRoutes({ store, clock, instanceId, isTls }: GossipParts): FastifyPluginAsync {
  return async (app) => {
    app.get('/gossip', { schema: { hide: true } }, async ({ access, host, signal }) => {
      // How far the store is, is for whoever has logged in, where anybody has to.
      const isTold = access === openAccess || access.login !== undefined
      const position = isTold ? Math.max(...(await store.heads({ signal }))) : 0
      const { address, port } = endPointOf(isTls ? 'https' : 'http', host)
      const node = {
        ...{ instanceId, timeStamp: new Date(clock.now()).toISOString(), state: 'Leader', isAlive: true },
        ...{ httpEndPointIp: address, httpEndPointPort: port },
        ...{ lastCommitPosition: position, writerCheckpoint: position, chaserCheckpoint: position },
        ...noTcp,
        ...noElections,
      }
      return { members: [node], serverIp: address, serverPort: port }
    })
  }
}

/** The protocol of the clients before gRPC, which is not spoken here. Readers want its numbers all the same. */
const noTcp = {
  ...{ internalTcpIp: '', internalTcpPort: 0, internalSecureTcpPort: 0 },
  ...{ externalTcpIp: '', externalTcpPort: 0, externalSecureTcpPort: 0 },
}

/** A single node leads without having been elected. */
const noElections = {
  epochPosition: 0,
  epochNumber: 0,
  epochId: '00000000-0000-0000-0000-000000000000',
  nodePriority: 0,
  isReadOnlyReplica: false,
}
