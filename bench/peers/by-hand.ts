import { postgres } from '../../store/src/engines/postgres/index.ts'
import { openStore } from '../../store/src/open-store.ts'
import { plainRow } from '../raw/postgres.ts'
import { type OpenPeer, openPool } from './peer.ts'

const text = `select varve.append_one($1, $2, $3, $4, 1, $5, null, $6, null, null, '{}', null, null, true) as answer`

/** What the function answers when the event landed: no verdict. */
const landed = '(,'

/**
 * The append function of Varve's own schema, called by hand: what the database does for an append, and nothing of the library.
 * The distance from a plain INSERT to here is the price of the guarantees.
 */
export const openByHand: OpenPeer = async (url) => {
  await using store = openStore({ engine: postgres({ url }) })
  await store.head()
  const pool = openPool(url)
  return {
    appendOne: async (streamId, version, nth) => {
      const [id, , , type, data] = plainRow(streamId, version, nth)
      const values = [streamId, version === 0 ? -1 : version, id, type, Date.now(), data]
      const { rows } = await pool.query({ name: 'append_one', text, values })
      if (!rows[0].answer.startsWith(landed)) throw new Error(`An append was refused: ${rows[0].answer}`)
    },
    close: () => pool.end(),
  }
}
