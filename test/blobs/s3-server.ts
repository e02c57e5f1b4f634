import { createServer, type IncomingMessage, request, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { type FauxqsServer, startFauxqs } from 'fauxqs'

/** What becomes of a request on its way: nothing special, or a misfortune. */
export type Fate =
  | 'passes'
  /** The server is asked for less. */
  | 'is throttled'
  | 'fails'
  /** Nobody answers, for as long as the test takes. */
  | 'hangs'
  /** It takes effect, and the connection breaks before the answer. */
  | 'loses its answer'
  /** Half of the answer's body comes, then the connection breaks. */
  | 'is cut'
  /** Half of the answer's body comes, then nothing more. */
  | 'stalls'

/** A request as a fate is chosen by it. */
export interface Asked {
  readonly method: string
  readonly path: string
}

/** A store that speaks S3 on this machine, with a road to it that may be bad. */
export interface S3Server {
  /** Through the road. */
  readonly endpoint: string
  readonly bucket: string
  /** What was asked, in order. */
  readonly asked: Asked[]
  /** Chooses what becomes of each request from now on. */
  fate: (asked: Asked) => Fate
  close(): Promise<void>
}

/** Starts one with an empty bucket. Credentials may be anything, but there have to be some. */
export async function startS3(): Promise<S3Server> {
  const server: FauxqsServer = await startFauxqs({ port: 0, logger: false })
  const bucket = 'varve-test'
  server.createBucket(bucket)
  const road: S3Server = {
    endpoint: '',
    bucket,
    asked: [],
    fate: () => 'passes',
    close: async () => {
      proxy.closeAllConnections()
      proxy.close()
      await server.stop()
    },
  }
  const proxy = createServer((incoming, outgoing) => {
    const asked = { method: incoming.method ?? '', path: incoming.url ?? '' }
    road.asked.push(asked)
    travel(road.fate(asked), server.port, incoming, outgoing)
  })
  await new Promise<void>((resolve) => proxy.listen(0, '127.0.0.1', resolve))
  return Object.assign(road, { endpoint: `http://127.0.0.1:${(proxy.address() as AddressInfo).port}` })
}

function travel(fate: Fate, port: number, incoming: IncomingMessage, outgoing: ServerResponse): void {
  if (fate === 'hangs') return
  if (fate === 'is throttled' || fate === 'fails') {
    incoming.resume()
    const code = fate === 'fails' ? 'InternalError' : 'SlowDown'
    outgoing.writeHead(fate === 'fails' ? 500 : 503, { 'content-type': 'application/xml' })
    outgoing.end(`<?xml version="1.0"?><Error><Code>${code}</Code><Message>by the test</Message></Error>`)
    return
  }
  const { method, url, headers } = incoming
  const onward = request({ host: '127.0.0.1', port, method, path: url, headers }, (answer) => {
    if (fate === 'loses its answer') {
      answer.resume().once('end', () => outgoing.destroy())
      return
    }
    outgoing.writeHead(answer.statusCode ?? 500, answer.headers)
    if (fate === 'passes') answer.pipe(outgoing)
    else
      answer.once('data', (chunk: Buffer) =>
        outgoing.write(chunk.subarray(0, chunk.length / 2), () => fate === 'is cut' && outgoing.destroy()),
      )
  })
  onward.once('error', () => outgoing.destroy())
  incoming.pipe(onward)
}
