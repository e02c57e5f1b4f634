import assert from 'node:assert/strict'
import type { Target } from '../../model/target.ts'
import { begun, countsOf, endOf, gate, inTime, ones, pass, positionOf, projection, write } from './scene.ts'
import type { TargetCase, TargetSubject } from './target-case.ts'

const verbs: readonly {
  readonly verb: string
  readonly call: (subject: TargetSubject, target: Target<unknown>) => Promise<unknown>
}[] = [
  { verb: 'checkpoint', call: (_, target) => target.checkpoint(projection) },
  {
    verb: 'write',
    call: (subject, target) => write(subject, target, { expected: 'any', additions: ones('tea', 1) }),
  },
]

/** The end of a target. */
export const closingCases: readonly TargetCase[] = [
  ...verbs.map(
    ({ verb, call }): TargetCase => ({
      promise: 'closing',
      rule: 'closing/refuses',
      name: `${verb} on a closed target rejects with STORE_CLOSED`,
      run: async (subject) => {
        const target = await begun(subject)
        await target.close()
        await assert.rejects(call(subject, target), { code: 'STORE_CLOSED' })
      },
    }),
  ),
  {
    promise: 'closing',
    rule: 'closing/twice',
    name: 'closing twice, also at the same time, is fine',
    run: async (subject) => {
      const target = await begun(subject)
      await Promise.all([target.close(), target.close()])
      await target.close()
      await target[Symbol.asyncDispose]()
    },
  },
  {
    promise: 'closing',
    rule: 'closing/waits',
    name: 'closing waits for the write under way, which is done or refused, as it says',
    needs: ['reopen'],
    run: async (subject) => {
      const target = await begun(subject)
      const handling = gate()
      const goOn = gate()
      const writing = endOf(
        write(subject, target, {
          additions: ones('tea', 1, 2),
          meanwhile: () => {
            handling.open()
            return goOn.opened
          },
        }),
      )
      await inTime(subject, 'a handler', handling.opened)
      let closed = false
      const closing = target.close().then(() => {
        closed = true
      })
      await pass(5)
      assert.equal(closed, false, 'it is not closed while a handler is at work')
      goOn.open()
      const end = await inTime(subject, 'a write under way', writing)
      await inTime(subject, 'closing', closing)
      assert.ok(end === 'done' || end === 'STORE_CLOSED', String(end))
      const again = await subject.reopen()
      const isDone = end === 'done'
      assert.deepEqual(await countsOf(subject, again, 'tea'), [isDone ? 2 : 0])
      assert.equal(await positionOf(again), isDone ? 2 : 0)
    },
  },
]
