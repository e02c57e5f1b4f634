import type { Clock } from '../../../engine/clock.ts'
import { DriverMissing, InvalidArgument, isVarveError } from '../../../model/errors.ts'
import { TargetUnavailable } from '../../../model/target-errors.ts'
import { type Send, senderOf } from './client.ts'
import { translatedRedis } from './errors.ts'

/** A way to a server that is held. */
export interface Connection {
  readonly send: Send
  /** Whether it has been waited for an answer for so long that none will come. */
  isSilent(): boolean
  close(): Promise<void>
}

/** How long the first connection is tried for, in milliseconds. */
const connectMs = 5_000
/** After how long a server that says nothing, not even to a ping, is taken for gone, in milliseconds. */
const silentMs = 30_000
const pingMs = 10_000
/** The pauses before the connection is tried again, in milliseconds. */
const pauseMs = 50
const pauseMaxMs = 2_000

/**
 * A connection of its own, which comes back by itself when it was lost. What is sent while it is away is refused at once
 * instead of being kept, since whoever sent it is to decide what becomes of it.
 *
 * @throws DRIVER_MISSING, INVALID_ARGUMENT for a URL that the package does not take, TARGET_FAILED, TARGET_UNAVAILABLE
 */
export async function openConnection(url: string, clock: Clock): Promise<Connection> {
  const { createClient } = await importDriver()
  const client = clientOf(createClient, url)
  // Without a listener the process would end. Every command that this concerns fails by itself.
  let last: unknown
  const refused = new Promise<false>((resolve) => {
    client.on('error', (error: unknown) => {
      last = error
      // The package would go on knocking with the same password.
      if (isVarveError(translatedRedis(error), 'TARGET_FAILED')) resolve(false)
    })
  })
  const connected = client.connect().then(
    () => true,
    () => false,
  )
  const waiting = new AbortController()
  const inTime = await Promise.race([connected, refused, clock.sleep(connectMs, waiting.signal).then(() => false)])
  waiting.abort()
  if (!inTime) {
    client.destroy()
    throw last === undefined ? new TargetUnavailable('redis', 'no answer') : translatedRedis(last)
  }
  const { send, isSilent } = watched(senderOf(client) as Send, clock)
  const close = async (): Promise<void> => {
    if (client.isReady && !isSilent()) await client.close()
    else client.destroy()
  }
  return { send, isSilent, close }
}

/**
 * The timeout of the socket begins anew with whatever is sent, so a server that is out of reach would be spoken to until the
 * system gives up, which takes a quarter of an hour.
 */
function watched(send: Send, clock: Clock): Pick<Connection, 'send' | 'isSilent'> {
  let waiting = 0
  let heardMs = 0
  return {
    send: async (firstKey, args) => {
      if (waiting++ === 0) heardMs = clock.now()
      try {
        return await send(firstKey, args)
      } finally {
        waiting--
        heardMs = clock.now()
      }
    },
    isSilent: () => waiting > 0 && clock.now() - heardMs > silentMs,
  }
}

function clientOf(createClient: typeof import('redis').createClient, url: string) {
  try {
    return createClient({
      url,
      name: 'varve',
      disableOfflineQueue: true,
      pingInterval: pingMs,
      socket: {
        connectTimeout: connectMs,
        socketTimeout: silentMs,
        reconnectStrategy: (retries) => Math.min(pauseMs * 2 ** retries, pauseMaxMs),
      },
    })
  } catch (error) {
    // Never the URL itself, which has a password in it.
    throw new InvalidArgument('url', `is none of a Redis: ${(error as Error).message}`)
  }
}

async function importDriver(): Promise<Pick<typeof import('redis'), 'createClient'>> {
  try {
    return await import('redis')
  } catch (error) {
    throw new DriverMissing('The redis package', 'Install it beside varve: npm install redis', { cause: error })
  }
}
