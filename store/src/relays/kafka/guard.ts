import type { Admin, Connection, ConnectionPool, Consumer, MessagesStream, Producer } from '@platformatic/kafka'
import { TargetUnavailable } from '../../model/target-errors.ts'
import type { KafkaPackage } from './driver.ts'
import { isRefusal } from './errors.ts'

type RawConsumer = Consumer<Buffer, Buffer, Buffer, Buffer>
type RawProducer = Producer<Buffer, Buffer, Buffer, Buffer>
type RawStream = MessagesStream<Buffer, Buffer, Buffer, Buffer>

/** What a client is waited for through. */
export interface Guard {
  /** Settles as the promise does, or rejects when the client breaks: then the promise may never settle. */
  settled<Value>(work: Promise<Value>): Promise<Value>
  /** Takes a stream of a consumer in, which has connections of its own. */
  coverStream(stream: RawStream): void
}

/** A method that is told of its end by its last argument. */
type Told = (...words: unknown[]) => unknown

/** What the stream of a consumer calls, and so what calls into the stream from outside of any connection. */
const calledByStreams = ['metadata', 'fetch', 'listOffsets', 'listCommittedOffsets', 'commit'] as const

/**
 * Keeps what goes wrong inside of the client inside of it. The client calls its callbacks out of listeners of sockets and out of
 * timers, where nobody can catch what they throw, and emits errors that it does not hand to whoever waits for it: either ends
 * the process. A member that leaves its group while it joins it again does so. What is thrown there also skips whatever the
 * client was about to call next, so that promises of its methods stay open for ever: they are to be waited for through what this
 * returns.
 *
 * And it lets a login that is refused be tried once: the client repeats it twenty times within whatever repeats twenty times.
 */
export function guard({ NetworkError }: KafkaPackage, client: RawConsumer | RawProducer | Admin): Guard {
  const waiting = new Set<(error: unknown) => void>()
  let broken: { readonly error: unknown } | undefined
  const breaks = (error: unknown): void => {
    broken ??= { error }
    for (const reject of waiting) reject(error)
  }
  const thrown = (cause: unknown): void =>
    breaks(new TargetUnavailable('kafka', `the client failed: ${String(cause)}`, { cause }))
  // Emitted by consumers alone, which are members no more after it.
  ;(client as Emitter).on('error', breaks)
  const guardPool = (pool: ConnectionPool): void => {
    let refusal: unknown
    // The answer that says why may be one of those that the client makes nothing of, as it does of all but the last of a login.
    const seen = (error: unknown): unknown => {
      if (isRefusal(error)) refusal = error
      return error
    }
    const refused = (error: unknown): unknown => {
      const cause = error instanceof Error && isRefusal(error) ? error : refusal
      refusal = undefined
      if (!(error instanceof Error) || !(cause instanceof Error)) return error
      return new NetworkError('The connection was refused', { cause, canRetry: false })
    }
    catchIn(pool, ['get'], thrown, refused)
    pool.on('connecting', ({ connection }) => {
      // Everything that the client does about an answer it does in one of these callbacks.
      catchIn(connection, ['send'], thrown, seen)
      // Whoever waits for the connection is told. The pool listens to the first error alone, and a socket may fail after a login did.
      connection.on('error', () => undefined)
    })
  }
  guardPool(client.connections)
  if ('consume' in client) catchIn(client, calledByStreams, thrown)
  return {
    settled: async (work) => {
      const { promise: breaking, reject } = Promise.withResolvers<never>()
      waiting.add(reject)
      if (broken !== undefined) reject(broken.error)
      try {
        return await Promise.race([breaking, work])
      } finally {
        waiting.delete(reject)
      }
    },
    coverStream: (stream) => {
      guardPool(stream.connections)
      // Whoever reads it is told; between two who read it nobody is.
      stream.on('error', () => undefined)
    },
  }
}

interface Emitter {
  on(event: 'error', listener: (error: unknown) => void): unknown
}

function catchIn(
  target: RawConsumer | RawProducer | Admin | ConnectionPool | Connection,
  names: readonly string[],
  thrown: (error: unknown) => void,
  translated: (error: unknown) => unknown = (error) => error,
): void {
  const methods = target as unknown as Record<string, Told>
  for (const name of names) {
    const method = methods[name]?.bind(target) as Told
    methods[name] = (...words) => {
      const told = words.at(-1)
      if (typeof told !== 'function') return method(...words)
      return method(...words.slice(0, -1), (error: unknown, ...answer: unknown[]) => {
        try {
          told(translated(error), ...answer)
        } catch (wrong) {
          thrown(wrong)
        }
      })
    }
  }
}
