import { deepEqual } from 'node:assert/strict'
import { it } from 'vitest'
import { systemClock } from '../../engine/system-clock.ts'
import { createWake } from './wake.ts'

it('wakes who listens where the file cannot be looked at: the read that follows says what is wrong', async () => {
  const wake = createWake(systemClock, () => {
    throw new Error('disk I/O error')
  })
  const hints = wake.listen(new AbortController().signal)[Symbol.asyncIterator]()
  deepEqual(await hints.next(), { value: undefined, done: false })
  wake.close()
})
