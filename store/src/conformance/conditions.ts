import assert from 'node:assert/strict'
import type { AppendOutcome, AppendRequest } from '../engine/engine.ts'
import { matchesQuery, type NormalCondition, type NormalQueryItem } from '../model/query.ts'
import type { EngineCase } from './case.ts'
import {
  committer,
  eventFor,
  eventsFor,
  expecting,
  idsOf,
  item,
  land,
  landed,
  logOf,
  outcomeOf,
  request,
  statusOf,
  tombstone,
  truncation,
  unless,
} from './port.ts'
import { seeded } from './seeded.ts'

const tagA = item({ tags: ['a'] })

function taggedA(): ReturnType<typeof eventFor> {
  return eventFor('Course-1', { tags: ['a'] })
}

/** Promise 8: an append may be refused when an event that matches a query lies above a position. */
export const conditionCases: readonly EngineCase[] = [
  {
    promise: 'conditions',
    rule: 'conditions/without-after',
    name: 'a condition without a position passes while nothing matches and fails once anything does',
    needs: ['appendConditions'],
    run: async ({ engine }) => {
      assert.equal(await statusOf(engine, request([eventFor('Course-1')], unless(tagA))), 'done')
      const { firstPosition } = await land(engine, taggedA())
      await land(engine, eventFor('Course-2'))
      assert.deepEqual(await outcomeOf(engine, request([eventFor('Course-1')], unless(tagA))), {
        status: 'condition_failed',
        after: 0,
        position: firstPosition,
      })
    },
  },
  {
    promise: 'conditions',
    rule: 'conditions/after-is-exclusive',
    name: 'a condition passes when the newest match lies exactly at its position',
    needs: ['appendConditions'],
    run: async ({ engine }) => {
      await land(engine, taggedA())
      const { lastPosition } = await land(engine, taggedA())
      assert.equal(await statusOf(engine, request([eventFor('Course-1')], unless(tagA, lastPosition))), 'done')
    },
  },
  {
    promise: 'conditions',
    rule: 'conditions/newer-match',
    name: 'a condition fails when a match lies above its position, and says where',
    needs: ['appendConditions'],
    run: async ({ engine }) => {
      const known = await land(engine, taggedA())
      await land(engine, eventFor('Course-1'))
      const newer = await land(engine, taggedA())
      const outcome = await outcomeOf(engine, request([eventFor('Course-1')], unless(tagA, known.lastPosition)))
      assert.deepEqual(outcome, {
        status: 'condition_failed',
        after: known.lastPosition,
        position: newer.firstPosition,
      })
    },
  },
  {
    promise: 'conditions',
    rule: 'conditions/newer-match',
    name: 'a condition fails on the very next position after its own',
    needs: ['appendConditions'],
    run: async ({ engine }) => {
      const { lastPosition } = await land(engine, taggedA())
      await land(engine, taggedA())
      assert.equal(
        await statusOf(engine, request([eventFor('Course-1')], unless(tagA, lastPosition))),
        'condition_failed',
      )
    },
  },
  {
    promise: 'conditions',
    rule: 'conditions/newer-match',
    name: 'a condition finds its one match among many other events',
    needs: ['appendConditions'],
    run: async ({ engine }) => {
      const { lastPosition } = await land(engine, ...eventsFor('Course-2', 500))
      const { firstPosition } = await land(engine, taggedA())
      await land(engine, ...eventsFor('Course-2', 500))
      assert.deepEqual(await outcomeOf(engine, request([eventFor('Course-1')], unless(tagA, lastPosition - 100))), {
        status: 'condition_failed',
        after: lastPosition - 100,
        position: firstPosition,
      })
    },
  },
  {
    promise: 'conditions',
    rule: 'conditions/after-beyond',
    name: 'a condition passes when its position lies beyond the last match, and beyond the head',
    needs: ['appendConditions'],
    run: async ({ engine }) => {
      await land(engine, taggedA())
      const { lastPosition } = await land(engine, eventFor('Course-2'))
      assert.equal(await statusOf(engine, request([eventFor('Course-1')], unless(tagA, lastPosition))), 'done')
      assert.equal(await statusOf(engine, request([eventFor('Course-1')], unless(tagA, lastPosition + 1_000))), 'done')
    },
  },
  {
    promise: 'conditions',
    rule: 'conditions/unrelated',
    name: 'events that do not match never fail a condition, however many come',
    needs: ['appendConditions'],
    run: async ({ engine }) => {
      const { lastPosition } = await land(engine, taggedA())
      await land(engine, eventFor('Course-1', { tags: ['b'] }), ...eventsFor('Course-1', 50))
      assert.equal(await statusOf(engine, request([eventFor('Course-1')], unless(tagA, lastPosition))), 'done')
    },
  },
  {
    promise: 'conditions',
    rule: 'conditions/own-events',
    name: "an append's own events never fail its condition",
    needs: ['appendConditions'],
    run: async ({ engine }) => {
      const own = request([taggedA(), taggedA(), taggedA()], unless(tagA))
      assert.equal(await statusOf(engine, own), 'done')
      assert.equal((await logOf(engine, [tagA])).length, 3)
    },
  },
  {
    promise: 'conditions',
    rule: 'conditions/whole-store',
    name: "a condition on 'everything' locks the whole store above its position",
    needs: ['appendConditions'],
    run: async ({ engine }) => {
      assert.equal(await statusOf(engine, request([eventFor('Course-1')], unless('everything'))), 'done')
      const head = await engine.head()
      assert.equal(await statusOf(engine, request([eventFor('Course-2')], unless('everything', head))), 'done')
      assert.equal(
        await statusOf(engine, request([eventFor('Course-2')], unless('everything', head))),
        'condition_failed',
      )
    },
  },
  {
    promise: 'conditions',
    rule: 'conditions/hidden-events-count',
    name: 'events hidden by a truncation or a tombstone still fail a condition',
    needs: ['appendConditions'],
    run: async ({ engine }) => {
      await land(engine, eventFor('Course-1', { tags: ['a'] }))
      await land(engine, eventFor('Course-2', { tags: ['b'] }))
      await land(engine, truncation('Course-1', 2))
      await land(engine, tombstone('Course-2'))
      assert.equal(await statusOf(engine, request([eventFor('Course-3')], unless(tagA))), 'condition_failed')
      assert.equal(
        await statusOf(engine, request([eventFor('Course-3')], unless(item({ tags: ['b'] })))),
        'condition_failed',
      )
    },
  },
  {
    promise: 'conditions',
    rule: 'conditions/with-version',
    name: 'a condition and an expected version must both hold; the version is judged first',
    needs: ['appendConditions'],
    run: async ({ engine }) => {
      const { lastPosition } = await land(engine, taggedA())
      const both = (version: number, after: number): AppendRequest =>
        request([eventFor('Course-1')], { ...expecting('Course-1', version), ...unless(tagA, after) })
      assert.equal(await statusOf(engine, both(0, 0)), 'conflict')
      assert.equal(await statusOf(engine, both(0, lastPosition)), 'conflict')
      assert.equal(await statusOf(engine, both(1, 0)), 'condition_failed')
      assert.equal(await statusOf(engine, both(1, lastPosition)), 'done')
    },
  },
  {
    promise: 'conditions',
    rule: 'conditions/across-instances',
    name: 'a condition sees what another instance on the same storage appended',
    needs: ['appendConditions', 'sharedStorage'],
    run: async ({ engine, openBeside }) => {
      const other = await openBeside()
      assert.equal(await statusOf(other, request([taggedA()], unless(tagA))), 'done')
      assert.equal(await statusOf(engine, request([taggedA()], unless(tagA))), 'condition_failed')
    },
  },
  {
    promise: 'conditions',
    rule: 'conditions/no-false-conflicts',
    name: 'conditions that have nothing to do with each other never fail, in parallel either',
    needs: ['appendConditions'],
    run: async ({ engine }) => {
      const commit = committer(engine)
      const enrol = async (student: number): Promise<void> => {
        const own = item({ tags: [`student:${student}`] })
        let after = 0
        for (let turn = 0; turn < 8; turn++) {
          const event = eventFor('Course-1', { tags: own.tags })
          after = landed(await commit(request([event], unless(own, after)))).lastPosition
        }
      }
      await Promise.all(Array.from({ length: 24 }, (_, student) => enrol(student)))
    },
  },
  {
    promise: 'conditions',
    rule: 'conditions/oracle',
    name: 'after many writers raced with random conditions, a replay of the log finds every accepted append justified',
    needs: ['appendConditions'],
    run: async ({ engine, seed }) => {
      const accepted: { readonly condition: NormalCondition; readonly firstPosition: number }[] = []
      const commit = committer(engine)
      const random = seeded(seed)
      const someItem = (): NormalQueryItem =>
        random.oneIn(2) ? item({ tags: [`tag:${random.below(6)}`] }) : item({ types: [`Type${random.below(4)}`] })

      const write = async (writer: number): Promise<void> => {
        for (let turn = 0; turn < 25; turn++) {
          const query = [someItem()]
          const seen = await logOf(engine, query)
          const { condition } = unless(query, seen.at(-1)?.position ?? 0)
          const fields = { type: `Type${random.below(4)}`, tags: [`tag:${random.below(6)}`] }
          const events = Array.from({ length: 1 + random.below(3) }, () => eventFor(`Writer-${writer}`, fields))
          const outcome: AppendOutcome = await commit(request(events, { condition }))
          if (outcome.status === 'done') accepted.push({ condition, firstPosition: outcome.firstPosition })
          else assert.equal(outcome.status, 'condition_failed')
        }
      }
      await Promise.all(Array.from({ length: 12 }, (_, writer) => write(writer)))

      const log = await logOf(engine)
      for (const { condition, firstPosition } of accepted) {
        const unseen = log.filter(
          (event) =>
            event.position > condition.after &&
            event.position < firstPosition &&
            matchesQuery(condition.failIfMatch, event),
        )
        const asked = JSON.stringify(condition)
        assert.deepEqual(idsOf(unseen), [], `accepted at ${firstPosition} in spite of ${asked} (seed ${seed})`)
      }
      assert.ok(accepted.length > 12, 'writers got through')
    },
  },
]
