import assert from 'node:assert/strict'
import type { Capabilities } from '../engine/capabilities.ts'
import { limits } from '../model/limits.ts'
import type { EngineCase, Need } from './case.ts'
import { eventFor, expecting, item, request, unless } from './port.ts'

const flags: readonly Need[] = [
  'gaplessPositions',
  'appendConditions',
  'multiStreamAppends',
  'durable',
  'sharedStorage',
  'callerTransactions',
]

/** Promise 10: an engine says what it can do, and refuses the rest by name. The opposite of every skipped case. */
export const honestCases: readonly EngineCase[] = [
  {
    promise: 'honest',
    rule: 'honest/capabilities',
    name: 'an engine says of every capability whether it has it',
    run: async ({ engine }) => {
      const { capabilities } = engine
      assert.ok(capabilities.engine !== '', 'it has a name')
      for (const flag of flags) assert.equal(typeof capabilities[flag], 'boolean', flag)
      assert.ok(Number.isSafeInteger(capabilities.batchesInFlight) && capabilities.batchesInFlight >= 1)
    },
  },
  {
    promise: 'honest',
    rule: 'honest/capabilities',
    name: 'what an engine says it can do stays the same while it is open',
    run: async ({ engine }) => {
      const before: Capabilities = { ...engine.capabilities }
      await engine.append([request([eventFor('Order-1')])])
      assert.deepEqual({ ...engine.capabilities }, before)
    },
  },
  {
    promise: 'honest',
    rule: 'honest/no-conditions',
    name: 'an engine without append conditions refuses one by name and writes nothing',
    run: async ({ engine }) => {
      if (engine.capabilities.appendConditions) return
      const asked = engine.append([request([eventFor('Order-1')], unless(item({ tags: ['a'] })))])
      await assert.rejects(asked, { code: 'NOT_SUPPORTED', capability: 'appendConditions' })
      assert.equal(await engine.head(), 0)
    },
  },
  {
    promise: 'honest',
    rule: 'honest/no-multi-stream',
    name: 'an engine that writes one stream at a time refuses several by name and writes nothing',
    run: async ({ engine }) => {
      if (engine.capabilities.multiStreamAppends) return
      const asked = engine.append([request([eventFor('Order-1'), eventFor('Order-2')])])
      await assert.rejects(asked, { code: 'NOT_SUPPORTED', capability: 'multiStreamAppends' })
      assert.equal(await engine.head(), 0)
    },
  },
  {
    promise: 'honest',
    rule: 'honest/no-other-checks',
    name: 'an engine that writes one stream at a time refuses to check another one by name and writes nothing',
    run: async ({ engine }) => {
      if (engine.capabilities.multiStreamAppends) return
      const asked = engine.append([request([eventFor('Order-1')], expecting('Order-2', 'no_stream'))])
      await assert.rejects(asked, { code: 'NOT_SUPPORTED', capability: 'multiStreamAppends' })
      assert.equal(await engine.head(), 0)
    },
  },
  {
    promise: 'honest',
    rule: 'honest/caller-transactions',
    name: 'an engine appends inside of its caller transactions exactly when it says so',
    run: async ({ engine }) => {
      assert.equal(typeof engine.appendWithin === 'function', engine.capabilities.callerTransactions)
    },
  },
  {
    promise: 'honest',
    rule: 'honest/log-shards',
    name: 'an engine says how many log shards it has, and with several it tells the head of each and takes no condition',
    run: async ({ engine }) => {
      const { logShards, appendConditions } = engine.capabilities
      assert.ok(Number.isSafeInteger(logShards) && logShards >= 1 && logShards <= limits.logShards)
      assert.equal(typeof engine.heads === 'function', logShards > 1)
      if (logShards > 1) assert.equal(appendConditions, false, 'a condition is about one order of the log')
    },
  },
  {
    promise: 'honest',
    rule: 'honest/reopens',
    name: 'an engine that says it is durable or shared can be opened again',
    run: async ({ engine, reopen }) => {
      const { durable, sharedStorage } = engine.capabilities
      if (!durable && !sharedStorage) return
      const again = await reopen()
      assert.deepEqual({ ...again.capabilities }, { ...engine.capabilities })
    },
  },
]
