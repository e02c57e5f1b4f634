import { deepEqual, ok, rejects } from 'node:assert/strict'
import { it } from 'vitest'
import { memory } from '../engines/memory/index.ts'
import { limits } from '../model/limits.ts'
import { payloadBytes } from '../model/payload.ts'
import { lastPosition } from '../model/position.ts'
import { shelfCheckpoints } from './checkpoint.ts'

it('keeps the longest name and the last position within what every shelf takes', async () => {
  const { shelf } = memory()
  await shelfCheckpoints(shelf).save('n'.repeat(limits.checkpointNameChars), lastPosition)
  const [entry] = await shelf.list({ prefix: '', after: '', limit: 1 })
  ok(entry !== undefined)
  ok(entry.key.length <= limits.shelfKeyChars)
  ok(payloadBytes(entry.value) <= limits.shelfValueBytes)
})

it('refuses a longer name, and keeps nothing', async () => {
  const { shelf } = memory()
  const name = 'n'.repeat(limits.checkpointNameChars + 1)
  await rejects(shelfCheckpoints(shelf).save(name, 1), { code: 'LIMIT_EXCEEDED', limit: 'checkpointNameChars' })
  await rejects(shelfCheckpoints(shelf).load(name), { code: 'LIMIT_EXCEEDED', limit: 'checkpointNameChars' })
  deepEqual(await shelf.list({ prefix: '', after: '', limit: 1 }), [])
})
