import { deepEqual, equal } from 'node:assert/strict'
import { it } from 'vitest'
import { memory } from '../engines/memory/index.ts'
import { openStore } from '../open-store.ts'
import { createGroup } from './admin.ts'
import { consume } from './consume.ts'
import { groupInfo } from './group-info.ts'

it('counts the first word that is said on it; a later one gives what came of that', async () => {
  await using store = openStore({ engine: memory() })
  await createGroup(store, 'mailer')
  await store.append('Letter-1', [{ type: 'LetterWritten', data: {} }])
  for await (const delivery of consume(store, 'mailer')) {
    await delivery.ack()
    await delivery.nack('park', { reason: 'too late' })
    await delivery.ack({ until: 'saved' })
    break
  }
  const { acked, parked, checkpoint } = await groupInfo(store, 'mailer')
  deepEqual([acked, parked], [1, 0])
  equal(checkpoint, 1)
})
