import type { Capabilities } from './capabilities.ts'
import type { Clock } from './clock.ts'
import type { Engine, Page } from './engine.ts'

/** What pages are read from. */
export interface PageSource {
  readonly engine: Pick<Engine, 'read'> & {
    readonly capabilities: Pick<Capabilities, 'engine' | 'readsOverNetwork' | 'logShards'>
  }
  readonly clock: Pick<Clock, 'turn'>
}

/** Pages one after the other, of which the next one may be asked for early. */
export interface ReadAhead {
  /** The page that begins at a place: the one asked for ahead, if that is the one. */
  page(from: number, limit: number): Promise<Page>
  /** Asks for what will be read next, while what was read last is taken; resolves when the question is on its way. */
  ask(from: number, limit: number): Promise<void>
}

/**
 * A reader that is through with a page need not wait for the next one where pages come over a connection: store and reader
 * then work at the same time, for one more page in memory. It begins with the second page, so that a reader who wanted
 * the beginning has no more fetched than that.
 *
 * Drivers send with the next turn of the event loop, and whoever takes events without waiting for anything lets it come
 * only when all of them are taken. So a turn is let pass before that.
 */
export function readAhead(
  { engine, clock }: PageSource,
  read: (from: number, limit: number) => Promise<Page>,
): ReadAhead {
  let pages = 0
  let ahead: { readonly from: number; readonly limit: number; readonly page: Promise<Page> } | undefined
  return {
    page: (from, limit) => {
      const asked = ahead
      ahead = undefined
      pages++
      return asked?.from === from && asked.limit === limit ? asked.page : read(from, limit)
    },
    ask: async (from, limit) => {
      if (!engine.capabilities.readsOverNetwork || pages < 2) return
      const page = read(from, limit)
      // What it fails with is heard when it is taken, and by nobody if it never is.
      page.catch(() => undefined)
      ahead = { from, limit, page }
      await clock.turn()
    },
  }
}
