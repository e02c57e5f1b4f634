import { deepEqual } from 'node:assert/strict'
import fc from 'fast-check'
import { describe, it } from 'vitest'
import { type Asked, account, asked, storedIn, told } from '../../../test/deciders/worst-account.ts'
import { onEveryEngine } from '../../../test/on-every-engine.ts'
import { memory } from '../engines/memory/index.ts'
import type { EventStore } from '../event-store.ts'
import { openStore } from '../open-store.ts'

const streamId = 'Account-1'
const to = { decider: account, streamId }

/** At once and one by one, from here on: what is told and what is stored is the same. */
async function expectSame(open: () => Promise<EventStore>, groups: readonly (readonly Asked[])[]): Promise<void> {
  const [together, apart] = [await open(), await open()]
  const sent: Promise<unknown>[] = []
  for (const group of groups) {
    sent.push(...group.map((one) => told(together, to, one)))
    await together.head()
  }
  const expected: unknown[] = []
  for (const one of groups.flat()) expected.push(await told(apart, to, one))
  deepEqual(await Promise.all(sent), expected)
  deepEqual(await storedIn(together, streamId), await storedIn(apart, streamId))
}

describe('commands at once', () => {
  it('do what they would do one by one, whatever their rules do to the state', { timeout: 60_000 }, async () => {
    const groups = fc.array(fc.array(asked, { maxLength: 8 }), { minLength: 1, maxLength: 3 })
    const open = async () => openStore({ engine: memory() })
    await fc.assert(
      fc.asyncProperty(groups, (all) => expectSame(open, all)),
      { numRuns: 400 },
    )
  })
})

onEveryEngine((open) => {
  it('commands at once do what they would do one by one', { timeout: 60_000 }, async () => {
    const group = fc.array(asked, { minLength: 20, maxLength: 40, size: 'max' })
    await fc.assert(
      fc.asyncProperty(group, (all) => expectSame(open, [all])),
      { numRuns: 3 },
    )
  })
})
