import { equal, rejects } from 'node:assert/strict'
import { it } from 'vitest'
import { memory } from '../engines/memory/index.ts'
import { limits } from '../model/limits.ts'
import { openStore } from '../open-store.ts'

it('takes keys that an engine takes with the prefix of the store, and no longer ones', async () => {
  await using store = openStore({ engine: memory() })
  const longest = 'k'.repeat(limits.shelfKeyChars - 'value/'.length)
  equal(await store.shelf.put(longest, 1), 1)
  equal((await store.shelf.get(longest))?.value, 1)
  const refusal = { code: 'LIMIT_EXCEEDED', limit: 'shelfKeyChars', given: limits.shelfKeyChars + 1 }
  await rejects(store.shelf.put(`${longest}k`, 1), refusal)
})
