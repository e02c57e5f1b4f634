import { CallFailed } from '../grpc/status.ts'
import { unlessAborted } from '../grpc/unless-aborted.ts'
import type { Follower, OpenTail, Tail } from '../live/tail.ts'
import { followView } from '../views/follow-view.ts'
import { viewOf } from '../views/view.ts'
import { followAll } from './follow-all.ts'
import { followStream } from './follow-stream.ts'
import type { Followed, Reading } from './reading.ts'

/**
 * A subscription: a read that never ends.
 *
 * confirmed > reading the store up to its head > caught up > following the tail > (fallen behind) > reading the store …
 *
 * The client hears of the confirmation first, and that it has caught up once, however often it falls behind afterwards.
 */

/** What subscribing needs beyond a read. */
export interface SubscribeParts {
  readonly tail: Tail
  readonly newId: () => string
  /** Aborts when the server shuts down. */
  readonly closing: AbortSignal
  /** Hear how many subscriptions there are. */
  readonly opened: () => void
  readonly closed: () => void
}

/** Serves a subscription until the client leaves, its stream is closed for ever, or the server shuts down. */
export async function subscribe(parts: SubscribeParts, reading: Reading): Promise<never> {
  parts.opened()
  try {
    using tail = parts.tail.open()
    await unlessAborted(tail.ready, reading.signal)
    return await follow(reading, tail, parts.newId())
  } catch (error) {
    if (!parts.closing.aborted) throw error
    throw new CallFailed('unavailable', 'The server shuts down. Subscribe again, elsewhere or later.')
  } finally {
    parts.closed()
  }
}

async function follow(reading: Reading, tail: OpenTail, id: string): Promise<never> {
  const { store, signal, responses } = reading
  // The end is where it is now: what is appended once the client has heard of the confirmation will come.
  const followed = await followedBy(reading, await store.head({ signal }))
  responses.confirmation(id)
  await responses.send()
  for (let isNew = true; ; isNew = false) {
    using follower = await attach(reading, tail, followed)
    if (isNew) followed.caughtUp()
    await responses.send()
    for (;;) {
      const events = await follower.next(signal)
      if (events === 'behind') break
      await followed.sendLive(events)
      await responses.send()
    }
  }
}

/** Reads the store up to where the tail goes on. */
async function attach({ store, signal }: Reading, tail: OpenTail, followed: Followed): Promise<Follower> {
  for (;;) {
    const head = await store.head({ signal })
    await followed.catchUp(head)
    const follower = tail.follow(head, (event) => followed.wants(event))
    if (follower !== undefined) return follower
  }
}

function followedBy(reading: Reading, head: number): Promise<Followed> | Followed {
  const { stream } = reading.request
  if (stream === undefined) return followAll(reading, head)
  const view = viewOf(stream)
  return view === undefined ? followStream(reading, stream) : followView(reading, view, head)
}
