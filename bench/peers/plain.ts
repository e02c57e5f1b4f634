import type { Pool } from 'pg'
import {
  createPlainTable,
  insertPlain,
  insertRows,
  mergingInserts,
  plainRow,
  readPages,
  readPlainStream,
} from '../raw/postgres.ts'
import { type OpenPeer, openPool, type Peer, pageEvents } from './peer.ts'

/** A table and a pool: every append is a statement of its own. */
export const openPlain: OpenPeer = async (url) => {
  const pool = await openTable(url)
  return {
    ...reads(pool),
    appendOne: (streamId, version, nth) => insertPlain(pool, plainRow(streamId, version + 1, nth)),
    appendMany: (streamId, events, nth) => insertRows(pool, rowsOf(streamId, events, nth)),
  }
}

/** The same table, with group commit by hand: one statement at a time takes all that waits. */
export const openMerged: OpenPeer = async (url) => {
  const pool = await openTable(url)
  const insert = mergingInserts(pool)
  return {
    ...reads(pool),
    appendOne: (streamId, version, nth) => insert([plainRow(streamId, version + 1, nth)]),
    appendMany: (streamId, events, nth) => insert(rowsOf(streamId, events, nth)),
    command: async (streamId, nth) => {
      const rows = await readPlainStream(pool, streamId)
      let total = 0
      for (const { data } of rows) total += (JSON.parse(data) as { readonly total_cents: number }).total_cents
      if (total === 0) throw new Error(`${streamId} is empty`)
      await insert([plainRow(streamId, rows.length + 1, nth)])
    },
  }
}

async function openTable(url: string): Promise<Pool> {
  const pool = openPool(url)
  await createPlainTable(pool)
  return pool
}

function reads(pool: Pool): Pick<Peer, 'readStream' | 'catchUp' | 'close'> & object {
  return {
    readStream: async (streamId) => (await readPlainStream(pool, streamId)).length,
    async *catchUp() {
      let events = 0
      for await (const page of readPages(pool, pageEvents)) {
        events += page.length
        yield events
      }
    },
    close: () => pool.end(),
  }
}

function rowsOf(streamId: string, events: number, nth: number) {
  return Array.from({ length: events }, (_, place) => plainRow(streamId, place + 1, nth + place))
}
