import assert from 'node:assert/strict'
import type { Engine } from '../engine/engine.ts'
import type { ExpectedVersion } from '../model/version.ts'
import type { EngineCase } from './case.ts'
import { eventFor, eventsFor, eventsOf, expecting, land, outcomeOf, request, statusOf, truncation } from './port.ts'

/** A state a stream can be in, and which expectations hold of it. Written out by hand: this table is the rule. */
interface Row {
  readonly rule: string
  readonly state: string
  readonly version: number
  readonly prepare: (engine: Engine) => Promise<unknown>
  readonly holds: readonly ExpectedVersion[]
  readonly fails: readonly ExpectedVersion[]
}

const table: readonly Row[] = [
  {
    rule: 'versioned/absent',
    state: 'that was never written',
    version: 0,
    prepare: async () => undefined,
    holds: [0, 'no_stream', 'any'],
    fails: [1, 2, 'stream_exists'],
  },
  {
    rule: 'versioned/existing',
    state: 'of three events',
    version: 3,
    prepare: (engine) => land(engine, ...eventsFor('Order-1', 3)),
    holds: [3, 'stream_exists', 'any'],
    fails: [0, 1, 2, 4, 1_000_000, 'no_stream'],
  },
  {
    rule: 'versioned/truncated',
    state: 'of three events of which the last one shows',
    version: 3,
    prepare: async (engine) => {
      await land(engine, ...eventsFor('Order-1', 3))
      await land(engine, truncation('Order-1', 3))
    },
    holds: [3, 'stream_exists', 'any'],
    fails: [0, 1, 2, 4, 'no_stream'],
  },
  {
    rule: 'versioned/deleted',
    state: 'deleted after three events',
    version: 3,
    prepare: async (engine) => {
      await land(engine, ...eventsFor('Order-1', 3))
      await land(engine, truncation('Order-1', 4))
    },
    // The number keeps counting, so that it still names one exact state.
    holds: [0, 3, 'no_stream', 'any'],
    fails: [1, 2, 4, 'stream_exists'],
  },
  {
    rule: 'versioned/deleted',
    state: 'written again after it was deleted',
    version: 4,
    prepare: async (engine) => {
      await land(engine, ...eventsFor('Order-1', 3))
      await land(engine, truncation('Order-1', 4))
      await land(engine, eventFor('Order-1'))
    },
    holds: [4, 'stream_exists', 'any'],
    fails: [0, 1, 3, 5, 'no_stream'],
  },
]

const tableCases: readonly EngineCase[] = table.flatMap(({ rule, state, version, prepare, holds, fails }) => [
  ...holds.map(
    (expectedVersion): EngineCase => ({
      promise: 'versioned',
      rule,
      name: `a stream ${state} takes an append that expects ${expectedVersion}`,
      run: async ({ engine }) => {
        await prepare(engine)
        const outcome = await outcomeOf(engine, request([eventFor('Order-1')], expecting('Order-1', expectedVersion)))
        assert.equal(outcome.status, 'done')
        assert.deepEqual('streams' in outcome && outcome.streams, [
          { streamId: 'Order-1', firstVersion: version + 1, lastVersion: version + 1 },
        ])
      },
    }),
  ),
  ...fails.map(
    (expectedVersion): EngineCase => ({
      promise: 'versioned',
      rule,
      name: `a stream ${state} refuses an append that expects ${expectedVersion}, and says its version`,
      run: async ({ engine }) => {
        await prepare(engine)
        const outcome = await outcomeOf(engine, request([eventFor('Order-1')], expecting('Order-1', expectedVersion)))
        assert.deepEqual(outcome, {
          status: 'conflict',
          streamId: 'Order-1',
          expected: expectedVersion,
          actual: version,
        })
      },
    }),
  ),
])

/** Promise 4: an expected version is never skipped and never approximated. */
export const versionedCases: readonly EngineCase[] = [
  ...tableCases,
  {
    promise: 'versioned',
    rule: 'versioned/absent',
    name: 'an append without expectations begins a stream and goes on with it',
    run: async ({ engine }) => {
      assert.equal(await statusOf(engine, request([eventFor('Order-1')])), 'done')
      assert.equal(await statusOf(engine, request([eventFor('Order-1')])), 'done')
    },
  },
  {
    promise: 'versioned',
    rule: 'versioned/one-winner',
    name: 'of many appends that expect the same version one is done and all others conflict',
    run: async ({ engine }) => {
      await land(engine, eventFor('Order-1'))
      const statuses = await Promise.all(
        Array.from({ length: 20 }, () => statusOf(engine, request([eventFor('Order-1')], expecting('Order-1', 1)))),
      )
      assert.equal(statuses.filter((status) => status === 'done').length, 1)
      assert.equal(statuses.filter((status) => status === 'conflict').length, 19)
      assert.equal((await eventsOf(engine, 'Order-1')).length, 2)
    },
  },
  {
    promise: 'versioned',
    rule: 'versioned/one-winner',
    name: 'two instances on one storage never both win the same version',
    needs: ['sharedStorage'],
    run: async ({ engine, openBeside }) => {
      const other = await openBeside()
      for (let version = 0; version < 10; version++) {
        const statuses = await Promise.all(
          [engine, other].map((one) => statusOf(one, request([eventFor('Order-1')], expecting('Order-1', version)))),
        )
        assert.deepEqual([...statuses].sort(), ['conflict', 'done'])
      }
    },
  },
  {
    promise: 'versioned',
    rule: 'versioned/every-check',
    name: 'every stream written is held to its own expectation, also the last one',
    needs: ['multiStreamAppends'],
    run: async ({ engine }) => {
      await land(engine, eventFor('Account-b'))
      const checks = [
        { streamId: 'Account-a', expectedVersion: 0 },
        { streamId: 'Account-b', expectedVersion: 0 },
      ]
      const outcome = await outcomeOf(engine, request([eventFor('Account-a'), eventFor('Account-b')], { checks }))
      assert.deepEqual(outcome, { status: 'conflict', streamId: 'Account-b', expected: 0, actual: 1 })
    },
  },
  {
    promise: 'versioned',
    rule: 'versioned/read-only-check',
    name: 'a stream that is only checked, not written, is held to its expectation',
    needs: ['multiStreamAppends'],
    run: async ({ engine }) => {
      await land(engine, ...eventsFor('Customer-1', 2))
      const late = request([eventFor('Order-1')], expecting('Customer-1', 1))
      assert.deepEqual(await outcomeOf(engine, late), {
        status: 'conflict',
        streamId: 'Customer-1',
        expected: 1,
        actual: 2,
      })
      assert.equal(await statusOf(engine, request([eventFor('Order-1')], expecting('Customer-1', 2))), 'done')
      assert.equal((await eventsOf(engine, 'Customer-1')).length, 2)
    },
  },
]
