import { deepEqual, equal, match, notEqual } from 'node:assert/strict'
import { describe, it } from 'vitest'
import { systemClock } from '../engine/system-clock.ts'
import { canonicalUuid, createIdSource, idFromKey } from './event-id.ts'

describe('event ids', () => {
  it('are UUIDv7 that rise in order of creation, also within a millisecond and when the clock goes back', () => {
    const times = [1_700_000_000_000, 1_700_000_000_000, 1_600_000_000_000]
    let call = 0
    const newId = createIdSource({ ...systemClock, now: () => times[Math.floor(call++ / 5_000)] as number })
    const ids = Array.from({ length: 15_000 }, newId)
    deepEqual([...ids].sort(), ids)
    equal(new Set(ids).size, ids.length)
    for (const id of ids.slice(0, 10)) match(id, /^018bcfe5-6800-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/)
  })

  it('derived from an idempotency key are the same for ever', () => {
    equal(idFromKey('req-1', 'Order-1', 0), idFromKey('req-1', 'Order-1', 0))
    const others = [
      idFromKey('req-2', 'Order-1', 0),
      idFromKey('req-1', 'Order-2', 0),
      idFromKey('req-1', 'Order-1', 1),
    ]
    for (const other of others) notEqual(other, idFromKey('req-1', 'Order-1', 0))
    match(idFromKey('req-1', 'Order-1', 0), /^[0-9a-f]{8}-[0-9a-f]{4}-5[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/)
  })

  it('are stored in lower case and refused when they are no UUID', () => {
    equal(canonicalUuid('0198C6E2-0000-7000-8000-00000000000A'), '0198c6e2-0000-7000-8000-00000000000a')
    for (const text of ['', 'abc', '0198c6e2-0000-7000-8000-00000000000', '{0198c6e2-0000-7000-8000-00000000000a}']) {
      equal(canonicalUuid(text), undefined)
    }
  })
})
