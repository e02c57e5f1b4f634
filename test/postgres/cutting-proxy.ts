// A way to a server that breaks at the worst moment:
//
//   client > (sends what was named) > server     request-lost: the server never gets it
//   client   cut                      server     sent: the server got it, and works on nobody's behalf
//   client < (answer) cut           < server     answer-lost: the server has committed, and nobody hears of it

import { once } from 'node:events'
import { connect, createServer, type Server, type Socket } from 'node:net'

/** When a connection is cut. */
export type Cut = 'request-lost' | 'sent' | 'answer-lost'

/** A proxy before a server; whatever passes is left as it is. */
export interface CuttingProxy {
  /** The URL of a database, by way of the proxy. */
  through(database: { readonly url: string }): string
  /** Cuts the next connections that send this text, one for each entry. */
  cutOn(text: string, cuts: readonly Cut[]): void
  /** Cuts made so far. */
  cuts(): number
  close(): Promise<void>
}

interface Plan {
  text: string
  waiting: Cut[]
  made: number
}

/** What the server sends when a statement is over: ready for the next one, and no transaction is open. */
const readyForQuery = Buffer.from('5a0000000549', 'hex')

/** Whether what the server sends ends an answer, which is when one gets lost. */
export type EndsAnswer = (chunk: Buffer) => boolean

const isReady: EndsAnswer = (chunk) => chunk.subarray(-readyForQuery.length).equals(readyForQuery)

/** Listens on a port of its own, before a PostgreSQL unless told how another server ends its answers. */
export async function startCuttingProxy(
  cluster: { readonly url: string },
  endsAnswer: EndsAnswer = isReady,
): Promise<CuttingProxy> {
  const { hostname, port } = new URL(cluster.url)
  const plan: Plan = { text: '', waiting: [], made: 0 }
  const sockets = new Set<Socket>()
  const server = createServer((client) => {
    const upstream = connect({ host: hostname, port: Number(port) })
    for (const socket of [client, upstream]) {
      sockets.add(socket)
      socket.on('error', () => undefined)
      socket.on('close', () => sockets.delete(socket))
    }
    pass(client, upstream, { plan, endsAnswer })
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  return {
    through: ({ url }) => withPort(url, server),
    cutOn: (text, cuts) => {
      plan.text = text
      plan.waiting = [...cuts]
    },
    cuts: () => plan.made,
    close: async () => {
      server.close()
      for (const socket of sockets) socket.destroy()
      await once(server, 'close')
    },
  }
}

interface Passing {
  readonly plan: Plan
  readonly endsAnswer: EndsAnswer
}

function pass(client: Socket, upstream: Socket, { plan, endsAnswer }: Passing): void {
  let losesAnswer = false
  const cut = (): void => {
    plan.made++
    client.destroy()
    upstream.end()
  }
  client.on('data', (chunk) => {
    const next = chunk.includes(plan.text) ? plan.waiting.shift() : undefined
    if (next === 'request-lost') return cut()
    upstream.write(chunk)
    if (next === 'sent') cut()
    losesAnswer ||= next === 'answer-lost'
  })
  upstream.on('data', (chunk) => {
    if (!losesAnswer) client.write(chunk)
    else if (endsAnswer(chunk)) cut()
  })
  client.on('close', () => upstream.end())
  upstream.on('close', () => client.destroy())
}

function withPort(url: string, server: Server): string {
  const address = server.address()
  const changed = new URL(url)
  changed.port = String(typeof address === 'object' && address !== null ? address.port : 0)
  return changed.href
}
