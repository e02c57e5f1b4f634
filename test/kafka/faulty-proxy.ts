// A way to a broker that fails at the requests of one's choice:
//
//   client > (request) cut             broker     request_lost: the broker never gets it
//   client > (request) > cut           broker     sent: the broker works on it, and the client is gone
//   client < cut       < (answer)      broker     answer_lost: the broker has done it, and nobody hears of it
//   client <           < (answer held) broker     answer_held: it comes when it is released, and what comes after it too

import { once } from 'node:events'
import { connect, createServer, type Socket } from 'node:net'

/** What becomes of a request. */
export type Fault = 'request_lost' | 'sent' | 'answer_lost' | 'answer_held'

/** Some requests of Kafka's protocol, by their numbers there. */
export const requests = {
  ...{ produce: 0, fetch: 1, listOffsets: 2, metadata: 3, offsetCommit: 8, offsetFetch: 9, findCoordinator: 10 },
  ...{ joinGroup: 11, heartbeat: 12, leaveGroup: 13, syncGroup: 14, apiVersions: 18, initProducerId: 22 },
  ...{ addPartitionsToTxn: 24, endTxn: 26 },
} as const

/** The name of a request. */
export type RequestName = keyof typeof requests

/** A proxy before one listener of a broker, which is to tell its clients the address of the proxy. */
export interface FaultyProxy {
  /** As in `127.0.0.1:9092`. */
  readonly address: string
  /** Asked about every request that has a name here. */
  decide: (request: RequestName) => Fault | undefined
  /** Lets go of all that is held, and of what would be. */
  release(): void
  /** Cuts all connections. */
  cut(): void
  close(): Promise<void>
}

/** Listens on a port, before another one of 127.0.0.1. */
export async function startFaultyProxy(port: number, upstreamPort: number): Promise<FaultyProxy> {
  const ways = new Set<Way>()
  const proxy: FaultyProxy = {
    address: `127.0.0.1:${port}`,
    decide: () => undefined,
    release: () => {
      for (const way of ways) way.release()
    },
    cut: () => {
      for (const way of ways) way.cut()
    },
    close: async () => {
      server.close()
      proxy.cut()
      await once(server, 'close')
    },
  }
  const server = createServer((client) => {
    const way = wayBetween(client, connect({ host: '127.0.0.1', port: upstreamPort }), (name) => proxy.decide(name))
    ways.add(way)
    client.on('close', () => ways.delete(way))
  }).listen(port, '127.0.0.1')
  await once(server, 'listening')
  return proxy
}

interface Way {
  release(): void
  cut(): void
}

function wayBetween(client: Socket, broker: Socket, decide: FaultyProxy['decide']): Way {
  const awaited = new Map<number, Fault>()
  let held: Buffer[] | undefined
  const cut = (): void => {
    client.destroy()
    broker.destroy()
  }
  client.on(
    'data',
    framesTo(({ frame, name, correlation }) => {
      const fault = name === undefined ? undefined : decide(name)
      if (fault === 'request_lost') return cut()
      broker.write(frame)
      if (fault === 'sent') setImmediate(cut)
      else if (fault !== undefined) awaited.set(correlation, fault)
    }, readRequest),
  )
  broker.on(
    'data',
    framesTo(({ frame, correlation }) => {
      const fault = awaited.get(correlation)
      if (fault === 'answer_lost') return cut()
      if (fault === 'answer_held') held ??= []
      if (held === undefined) client.write(frame)
      else held.push(frame)
    }, readAnswer),
  )
  for (const socket of [client, broker]) socket.on('error', () => undefined).on('close', cut)
  return {
    cut,
    release: () => {
      for (const [correlation, fault] of awaited) if (fault === 'answer_held') awaited.delete(correlation)
      for (const frame of held ?? []) client.write(frame)
      held = undefined
    },
  }
}

const byNumber: ReadonlyMap<number, string> = new Map(Object.entries(requests).map(([name, number]) => [number, name]))

interface Frame {
  readonly frame: Buffer
  readonly correlation: number
  readonly name?: RequestName | undefined
}

/** Length, number of the request, its version, and what its answer will be told by. */
function readRequest(frame: Buffer): Frame {
  return {
    frame,
    name: byNumber.get(frame.readInt16BE(4)) as RequestName | undefined,
    correlation: frame.readInt32BE(8),
  }
}

function readAnswer(frame: Buffer): Frame {
  return { frame, correlation: frame.readInt32BE(4) }
}

/** Whole frames of what comes in pieces. */
function framesTo(take: (frame: Frame) => void, read: (frame: Buffer) => Frame): (chunk: Buffer) => void {
  let rest = Buffer.alloc(0)
  return (chunk) => {
    rest = Buffer.concat([rest, chunk])
    while (rest.length >= 4 && rest.length >= rest.readInt32BE(0) + 4) {
      const length = rest.readInt32BE(0) + 4
      take(read(rest.subarray(0, length)))
      rest = rest.subarray(length)
    }
  }
}
