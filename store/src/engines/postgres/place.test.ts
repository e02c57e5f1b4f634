import { doesNotThrow, rejects, throws } from 'node:assert/strict'
import { it } from 'vitest'
import { openStore } from '../../open-store.ts'
import { postgres } from './index.ts'

it('has a schema whose name PostgreSQL does not cut', () => {
  const url = 'postgres://db/shop'
  throws(() => postgres({ url, schema: 'é'.repeat(26) }), { code: 'INVALID_ARGUMENT', message: /1 to 50 bytes/ })
  doesNotThrow(() => postgres({ url, schema: 'é'.repeat(25) }))
})

it('is refused by the first call where its URL cannot be read, which is not repeated', async () => {
  await using store = openStore({ engine: postgres({ url: 'postgres://shop:secret@first:5432,second:5432/shop' }) })
  const refused = { code: 'INVALID_ARGUMENT', argument: 'url', message: /^(?!.*secret).*one database/ }
  await rejects(store.head(), refused)
})
