import type { Clock } from '../../../engine/clock.ts'
import { DriverMissing, InvalidArgument, isVarveError } from '../../../model/errors.ts'
import { TargetUnavailable } from '../../../model/target-errors.ts'
import { type Send, senderOf } from './client.ts'
import { garbled, isUnreadable, translatedRedis } from './errors.ts'

/** A way to a server that is held. */
export interface Connection {
  readonly send: Send
  /** Whether it was given up, or it has been waited for an answer for so long that none will come. */
  isOver(): boolean
  /** For good, as it is out of step: whatever waits on it fails with this. */
  giveUp(problem: TargetUnavailable): void
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
  let last: unknown
  let outOfStep: TargetUnavailable | undefined
  const giveUp = (problem: TargetUnavailable): void => {
    if (outOfStep !== undefined) return
    outOfStep = problem
    client.destroy()
  }
  // Without a listener the process would end. Every command that this concerns fails by itself, but for those whose answer
  // cannot be read: the package goes on with the next thing that comes, as the answer to the command before.
  const refused = new Promise<false>((resolve) => {
    client.on('error', (error: unknown) => {
      last = isUnreadable(error) ? garbled(error) : error
      // The package would go on knocking with the same password.
      if (isVarveError(translatedRedis(last), 'TARGET_FAILED') || isUnreadable(error)) resolve(false)
      if (isUnreadable(error)) giveUp(garbled(error))
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
    if (outOfStep === undefined) client.destroy()
    throw last === undefined ? new TargetUnavailable('redis', 'no answer') : translatedRedis(last)
  }
  const { send, isSilent } = watched(senderOf(client) as Send, clock)
  return {
    send: async (firstKey, args) => {
      try {
        return await send(firstKey, args)
      } catch (error) {
        throw outOfStep ?? error
      }
    },
    isOver: () => outOfStep !== undefined || isSilent(),
    giveUp,
    close: async () => {
      if (outOfStep !== undefined) return
      if (client.isReady && !isSilent()) await client.close()
      else client.destroy()
    },
  }
}

/**
 * The timeout of the socket begins anew with whatever is sent, so a server that is out of reach would be spoken to until the
 * system gives up, which takes a quarter of an hour.
 */
function watched(send: Send, clock: Clock): { readonly send: Send; readonly isSilent: () => boolean } {
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
