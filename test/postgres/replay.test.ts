import { describe, expect, it } from 'vitest'
import type { Decision } from './decision.ts'
import { type LogEvent, replay } from './replay.ts'

const times = { sentAtUs: 10, answeredAtUs: 20 }
const log: readonly LogEvent[] = [
  { position: 1, id: 'a', streamId: 'Order-1', version: 1, type: 'Opened', tags: ['customer:1'] },
  { position: 2, id: 'b', streamId: 'Order-1', version: 2, type: 'Paid', tags: ['customer:1'] },
  { position: 3, id: 'c', streamId: 'Order-2', version: 1, type: 'Opened', tags: [] },
]
const [opened, both] = [
  decision(1, [{ streamId: 'Order-1', expectedVersion: 0, events: 1 }], ['a'], [1]),
  decision(
    2,
    [
      { streamId: 'Order-1', expectedVersion: 1, events: 1 },
      { streamId: 'Order-2', expectedVersion: 'any', events: 1 },
    ],
    ['b', 'c'],
    [2, 1],
  ),
] as const

describe('the replay of a race', () => {
  it('is content when every answer holds at its place', () => {
    expect(replay(log, [both, opened])).toMatchObject({ landed: 2, multiStream: 1 })
  })

  it('notices a hole, a doubled event and one that was never acknowledged', () => {
    expect(() => replay(log.slice(1), [opened, both])).toThrow('position 2 follows 0')
    expect(() => replay([...log, { ...log[2], position: 4, version: 2 } as LogEvent], [])).toThrow(
      'id c is there twice',
    )
    expect(() => replay(log, [opened])).toThrow('2 events at the end belong to no acknowledged append')
    expect(() => replay(log, [both])).toThrow('position 1 belongs to no acknowledged append')
  })

  it('notices an acknowledged event that is not there, or not where it was said to be', () => {
    expect(() => replay(log.slice(0, 2), [opened, both])).toThrow('the append at 2 is not whole')
    const [first, second, third] = log as [LogEvent, LogEvent, LogEvent]
    const torn = [first, { ...third, position: 2 }, { ...second, position: 3 }]
    expect(() => replay(torn, [opened, both])).toThrow('the append at 2 is not whole')
  })

  it('notices an expected version that did not hold', () => {
    const [write] = opened.writes
    const wrong = { ...opened, writes: [{ ...write, expectedVersion: 1 }] } as Decision
    expect(() => replay(log, [wrong, both])).toThrow('expected Order-1 at 1, and became version 1')
  })

  it('notices a match between the position of a condition and the append', () => {
    const guarded = { ...both, condition: { failIfMatch: { tags: ['customer:1'] }, after: 0 } }
    expect(() => replay(log, [opened, guarded])).toThrow('is matched by 1')
    const aware = { ...both, condition: { failIfMatch: { tags: ['customer:1'] }, after: 1 } }
    expect(replay(log, [opened, aware])).toMatchObject({ conditionsHeld: 1 })
  })

  it('notices an append that lies before one that was answered before it began', () => {
    expect(() => replay(log, [{ ...opened, sentAtUs: 90, answeredAtUs: 99 }, both])).toThrow('was answered before')
  })

  it('notices a refusal without a reason', () => {
    const writes = [{ streamId: 'Order-2', expectedVersion: 1, events: 1 }]
    const conflict: Decision = { ...times, writes, answer: { status: 'conflict', streamId: 'Order-2', actual: 1 } }
    expect(() => replay(log, [opened, both, conflict])).toThrow('has no reason')
    const condition = { failIfMatch: { types: ['Paid'] }, after: 2 }
    const failed: Decision = { ...times, writes, condition, answer: { status: 'condition_failed', position: 3 } }
    expect(() => replay(log, [opened, both, failed])).toThrow('which does not match')
  })
})

function decision(
  firstPosition: number,
  writes: Decision['writes'],
  eventIds: readonly string[],
  firstVersions: readonly number[],
): Decision {
  const streams = writes.map(({ streamId }, index) => ({ streamId, firstVersion: firstVersions[index] ?? 0 }))
  return { ...times, writes, answer: { status: 'landed', firstPosition, eventIds, streams } }
}
