import { ok } from 'node:assert/strict'
import { it, vi } from 'vitest'
import { manualClock } from '../../../test/reactions/manual-clock.ts'
import { memory } from '../engines/memory/index.ts'
import { openStore } from '../open-store.ts'
import { createGroup } from './admin.ts'
import { loadGroup } from './group-shelf.ts'
import { joinGroup } from './join-group.ts'

it('goes on to give signs of life when its clock is set back, before others can take it for lost', async () => {
  await using store = openStore({ engine: memory() })
  await createGroup(store, 'mailer', { memberTimeoutMs: 9_000 })
  const time = manualClock()
  let setBackMs = 0
  const clock = { ...time, now: () => time.now() - setBackMs }
  const consumer = joinGroup(store, 'mailer', { clock })
  await consumer.joined()
  const beats = async (): Promise<number> => (await loadGroup(store.shelf, 'mailer')).group?.members[0]?.beats ?? 0
  const before = await beats()
  setBackMs = 3_600_000
  time.advance(4_000)
  await vi.waitFor(async () => ok((await beats()) > before))
  await consumer.close()
})
