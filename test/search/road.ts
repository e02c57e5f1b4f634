// A way to a server on which requests meet with misfortune.

import { StoreClosed } from '../../store/src/model/errors.ts'
import type { FetchLike } from '../../store/src/projections/targets/elasticsearch/index.ts'

/** What becomes of a request: nothing special, or a misfortune. */
export type Fate =
  | 'passes'
  /** The server never gets it. */
  | 'request-lost'
  /** It takes effect, and nobody hears of it. */
  | 'answer-lost'
  /** As the one before; and whoever sent it is gone. */
  | 'sender-killed'
  /** Whoever wanted to send it is gone. */
  | 'sender-killed-before'
  /** It arrives when somebody says so. */
  | 'held'
  /** The server asks for less. */
  | 'refused as one too many'

/** A request as a fate is chosen by it. */
export interface Asked {
  readonly method: string
  readonly path: string
  readonly body: string
}

/** A road of one sender. */
export interface Road {
  readonly fetch: FetchLike
  /** What was asked, in order. */
  readonly asked: Asked[]
  /** Chooses what becomes of each request from now on. */
  fate: (asked: Asked) => Fate
  /** Lets what is held arrive. */
  release(): void
  /** Kills the sender, and resolves when what had arrived is done. */
  kill(): Promise<void>
}

/** A road on which everything passes. */
export function createRoad(): Road {
  const underWay = new Set<Promise<unknown>>()
  const held: (() => void)[] = []
  let isKilled = false

  async function carried(url: string, options: Parameters<FetchLike>[1]): Promise<{ status: number; text: string }> {
    const answer = await fetch(url, options)
    return { status: answer.status, text: await answer.text() }
  }

  const road: Road = {
    asked: [],
    fate: () => 'passes',
    release: () => {
      for (const letGo of held.splice(0)) letGo()
    },
    kill: async () => {
      isKilled = true
      await Promise.allSettled(underWay)
    },
    fetch: async (url, options) => {
      if (isKilled) throw gone()
      const { pathname } = new URL(url)
      const asked = { method: options.method, path: decodeURIComponent(pathname), body: options.body ?? '' }
      road.asked.push(asked)
      const fate = road.fate(asked)
      if (fate === 'request-lost') throw new TypeError('lost by the test')
      if (fate === 'sender-killed-before') isKilled = true
      if (isKilled) throw gone()
      if (fate === 'refused as one too many') return { status: 429, text: async () => '{"error":"by the test"}' }
      if (fate === 'held') await new Promise<void>((resolve) => held.push(resolve))
      const carrying = carried(url, options)
      underWay.add(carrying)
      const { status, text } = await carrying.finally(() => underWay.delete(carrying))
      if (fate === 'answer-lost') throw new TypeError('lost by the test')
      if (fate === 'sender-killed') isKilled = true
      if (isKilled) throw gone()
      return { status, text: async () => text }
    },
  }
  return road
}

/** Nobody tries again after this. */
function gone(): StoreClosed {
  return new StoreClosed('The sender')
}
