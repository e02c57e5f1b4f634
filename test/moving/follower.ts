import { expect } from 'vitest'
import type { EventStore } from '../../store/src/event-store.ts'

/** Who is told of every order, and keeps its place in the store. */
export interface Follower {
  /** The name under which it keeps its place. */
  readonly checkpoint: string
  /** Positions, as they were delivered. */
  readonly delivered: readonly number[]
  follow(store: EventStore): void
  /** Waits until it is told of everything, and ends it. */
  hold(): Promise<void>
}

export function followerOf(): Follower {
  const checkpoint = 'mails'
  const delivered: number[] = []
  let store: EventStore | undefined
  let ending = new AbortController()
  let following: Promise<void> = Promise.resolve()

  async function run(from: EventStore, { signal }: AbortController): Promise<void> {
    try {
      for await (const { position } of from.subscribe({ checkpoint, signal })) delivered.push(position)
    } catch (error) {
      if (!signal.aborted) throw error
    }
  }

  return {
    checkpoint,
    delivered,
    follow: (next) => {
      store = next
      ending = new AbortController()
      following = run(next, ending)
    },
    hold: async () => {
      const last = await store?.head()
      await expect.poll(() => delivered.at(-1)).toBe(last)
      ending.abort()
      await following
    },
  }
}
