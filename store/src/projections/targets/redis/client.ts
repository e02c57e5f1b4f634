/** A client of the package `redis`: what `createClient` or `createClientPool` gives, connected. */
export interface NodeRedisLike {
  sendCommand(args: string[]): Promise<unknown>
}

/** A client of the package `redis` for a cluster: what `createCluster` gives, connected. */
export interface NodeRedisClusterLike {
  sendCommand(firstKey: string, isReadonly: boolean, args: string[]): Promise<unknown>
  readonly slots: unknown
}

/** A client of the package `redis` for what sentinels watch: what `createSentinel` gives, connected. */
export interface NodeRedisSentinelLike {
  sendCommand(isReadonly: boolean, args: string[]): Promise<unknown>
  readonly getSentinelNode: unknown
}

/** A client of the package `ioredis`: a `Redis` or a `Cluster`. */
export interface IoredisLike {
  call(command: string, args: string[]): Promise<unknown>
}

/** What is needed of a client of Redis, by structure: one of `redis` or of `ioredis`, for one server, a cluster or sentinels. */
export type RedisClientLike = NodeRedisLike | NodeRedisClusterLike | NodeRedisSentinelLike | IoredisLike

/** Sends one command whose first key is given, for a cluster to find its node by. */
export type Send = (firstKey: string, args: readonly string[]) => Promise<unknown>

/** How to send through a client of whichever kind. Undefined for what is no client. */
export function senderOf(client: RedisClientLike): Send | undefined {
  if (typeof client !== 'object' || client === null) return undefined
  // First, because ioredis has a `sendCommand` too, for something else.
  if ('call' in client && typeof client.call === 'function') {
    return (_, [command = '', ...args]) => client.call(command, args)
  }
  if (!('sendCommand' in client) || typeof client.sendCommand !== 'function') return undefined
  if ('slots' in client) return (firstKey, args) => client.sendCommand(firstKey, false, [...args])
  if ('getSentinelNode' in client) return (_, args) => client.sendCommand(false, [...args])
  return (_, args) => client.sendCommand([...args])
}
