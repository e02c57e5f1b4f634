import { deepEqual, equal } from 'node:assert/strict'
import { it } from 'vitest'
import type { RecordedEvent } from '../model/event.ts'
import { limits } from '../model/limits.ts'
import { defineEvents, event } from '../schema/events.ts'
import { afterDeadline, afterEvent, afterSending, isForgotten, isSettled, type Process } from './process.ts'
import { defineReaction, type Reaction } from './reaction.ts'

const events = defineEvents({ Rung: event<{ cents: number }>(), Closed: event<object>() })

/** Counts, so that an event that is folded twice shows. */
const till = (version = 1): Reaction =>
  defineReaction({
    name: 'till',
    version,
    events,
    initialState: () => ({ cents: 0, isClosed: false }),
    evolve: (state, { type, data }) =>
      type === 'Rung' ? { ...state, cents: state.cents + data.cents } : { ...state, isClosed: true },
    isEnded: ({ isClosed }) => isClosed,
    on: { Rung: ({ cents }) => (cents === 0 ? undefined : { send: cents, deadlines: { quiet: { afterMs: 100 } } }) },
    onDeadline: { quiet: ({ cents }) => ({ send: -cents, deadlines: { quiet: { afterMs: 100 } } }) },
    send: async (_: number) => undefined,
  })

const recorded = (position: number, type: string, data: object): RecordedEvent => ({
  ...{ id: `e${position}`, streamId: 'Till-1', type, version: position, position, schemaVersion: 1, data },
  ...{ contentType: 'application/json', tags: [], metadata: { timestamp: '' }, rawData: '', rawMetadata: '' },
  ...{ metadataContentType: 'application/json', recordedAtMs: position * 1_000 },
})

const rung = (position: number, cents = 5) => recorded(position, 'Rung', { cents })
const closed = (position: number) => recorded(position, 'Closed', {})

function after(before: Process | undefined, given: RecordedEvent, mode: 'decide' | 'fold' = 'decide', version = 1) {
  return afterEvent(till(version), before, [{ processId: 'Till-1', part: 0, event: given }], mode)
}

/** A process after events whose commands were all sent. */
function processAfter(...given: readonly RecordedEvent[]): Process {
  const process = given.reduce<Process | undefined>((before, one) => {
    const step = after(before, one)
    return step === undefined ? before : afterSending(step.process)
  }, undefined)
  if (process === undefined) throw new Error('nothing was kept')
  return process
}

const openIds = (process: Process | undefined) => process?.deadlines.map(({ id }) => id)

it('keeps state, commands and deadlines of an event as one', () => {
  const step = after(undefined, rung(7))
  const { process } = step ?? {}
  deepEqual([process?.state, process?.position], [{ cents: 5, isClosed: false }, 7])
  deepEqual(process?.unsent?.commands, [{ commandId: 'till/e7/1', command: 5 }])
  deepEqual(
    step?.entered.map(({ id, dueAtMs }) => [id, dueAtMs]),
    [['e7/quiet/1', 7_100]],
  )
})

it('folds an event once, however often it comes', () => {
  const process = processAfter(rung(1), rung(2))
  equal(after(process, rung(1)), undefined)
  equal(after(process, rung(2)), undefined)
  deepEqual(after(process, rung(3))?.process.state, { cents: 15, isClosed: false })
})

it('keeps nothing where nothing follows and nothing changes', () => {
  equal(after(undefined, rung(1, 0)), undefined)
  equal(after(processAfter(rung(1)), rung(2, 0), 'fold'), undefined)
})

it('decides nothing while it folds', () => {
  const step = after(undefined, rung(1), 'fold')
  deepEqual([step?.process.state, step?.process.unsent, step?.entered], [{ cents: 5, isClosed: false }, undefined, []])
})

it('moves a deadline: the one before is struck off', () => {
  const step = after(processAfter(rung(1)), rung(2))
  deepEqual([step?.entered.map(({ id }) => id), step?.struck.map(({ id }) => id)], [['e2/quiet/2'], ['e1/quiet/1']])
})

it('fires a deadline once, and counts the next one from when it was due', () => {
  const process = processAfter(rung(1))
  const step = afterDeadline(till(), 'Till-1', process, 'e1/quiet/1')
  deepEqual(step?.process.unsent?.commands, [{ commandId: 'till/e1/quiet/1/1', command: -5 }])
  deepEqual(
    step?.entered.map(({ id, dueAtMs, setBy }) => [id, dueAtMs, setBy]),
    [['e1/quiet/2', 1_200, 'e1/quiet/1']],
  )
  equal(afterDeadline(till(), 'Till-1', step?.process, 'e1/quiet/1'), undefined)
})

it('ends without a state, and is remembered for a day', () => {
  const process = processAfter(rung(1), closed(2))
  deepEqual([process.isEnded, process.state, openIds(process)], [true, undefined, ['e2//2']])
  deepEqual(process.deadlines[0]?.dueAtMs, 2_000 + limits.endedProcessMs)
  equal(isForgotten(process, 'e2//2'), true)
  equal(afterDeadline(till(), 'Till-1', process, 'e2//2'), undefined)
})

it('begins anew after its end, and is not forgotten then', () => {
  const process = processAfter(rung(1), closed(2), rung(3))
  deepEqual([process.isEnded, process.state], [false, { cents: 5, isClosed: false }])
  equal(isForgotten(process, 'e2//2'), false)
  deepEqual(openIds(process), ['e3/quiet/3'])
})

it('of another version is folded anew, and neither decides again nor loses what is open', () => {
  const process = processAfter(rung(1), rung(2))
  const first = after(process, rung(1), 'fold', 2)?.process
  deepEqual([first?.state, first?.position, first?.decidedPosition], [{ cents: 5, isClosed: false }, 1, 2])
  const second = after(first, rung(2), 'decide', 2)?.process
  deepEqual(
    [second?.state, second?.unsent, openIds(second)],
    [{ cents: 10, isClosed: false }, undefined, ['e2/quiet/2']],
  )
})

it('takes an entered deadline for settled only where nobody can be about to save its process', () => {
  const process = processAfter(rung(1))
  const entered = { id: 'e2/quiet/2', dueAtMs: 5, processId: 'Till-1', position: 2 }
  equal(isSettled(process, entered, 1), false)
  equal(isSettled(process, entered, 2), true)
  equal(isSettled(undefined, entered, 2), true)
  equal(isSettled(process, { ...entered, setBy: 'e1/quiet/1' }, 2), false)
  equal(isSettled(process, { ...entered, setBy: 'e0/quiet/1' }, 2), true)
})
