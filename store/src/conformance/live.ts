import assert, { AssertionError } from 'node:assert/strict'
import { setTimeout as delay } from 'node:timers/promises'
import type { Engine } from '../engine/engine.ts'
import type { EngineCase } from './case.ts'
import { eventFor, idsOf, land, logOf, page, wholeLog } from './port.ts'

/** Ample for an abort to be noticed, short enough to be told by the suite and not by a runner's timeout. */
const endMaxMs = 3_000

/** Promise 7, as far as the port carries it: a wake-up is a hint that ends when it is told to, and reading is the truth. */
export const liveCases: readonly EngineCase[] = [
  {
    promise: 'live',
    rule: 'live/wake-ends',
    name: 'waiting for a wake-up ends without an error when its signal aborts',
    run: async ({ engine }) => {
      const stop = new AbortController()
      const ended = listen(engine, stop.signal)
      await land(engine, eventFor('Order-1'))
      stop.abort()
      await soon(ended)
    },
  },
  {
    promise: 'live',
    rule: 'live/wake-ends',
    name: 'waiting under a signal that is aborted already ends at once',
    run: async ({ engine }) => {
      await soon(listen(engine, AbortSignal.abort()))
    },
  },
  {
    promise: 'live',
    rule: 'live/wake-ends',
    name: 'waiting for a wake-up ends without an error when the engine closes',
    run: async ({ engine }) => {
      const ended = listen(engine, new AbortController().signal)
      await land(engine, eventFor('Order-1'))
      await engine.close()
      await soon(ended)
    },
  },
  {
    promise: 'live',
    rule: 'live/wake-ends',
    name: 'one listener that leaves does not end the others',
    run: async ({ engine }) => {
      const stop = new AbortController()
      const left = new AbortController()
      const staying = listen(engine, stop.signal)
      const leaving = listen(engine, left.signal)
      left.abort()
      await soon(leaving)
      let ended = false
      void staying.then(() => {
        ended = true
      })
      await land(engine, eventFor('Order-1'))
      assert.equal(ended, false)
      stop.abort()
      await soon(staying)
    },
  },
  {
    promise: 'live',
    rule: 'live/reading-is-the-truth',
    name: 'a follower who reads on from where it was sees every event once, whatever the wake-ups do',
    shards: 'one',
    run: async ({ engine }) => {
      const seen: string[] = []
      let from = 1
      for (let turn = 0; turn < 30; turn++) {
        if (turn % 3 !== 0) await land(engine, eventFor(`Order-${turn}`))
        const { events, next, end } = await page(engine, wholeLog, { from })
        assert.ok(end)
        seen.push(...idsOf(events))
        from = next
      }
      assert.deepEqual(seen, idsOf(await logOf(engine)))
    },
  },
  {
    promise: 'live',
    rule: 'live/reading-is-the-truth',
    name: 'a follower of another instance sees every event once',
    shards: 'one',
    needs: ['sharedStorage'],
    run: async ({ engine, openBeside }) => {
      const other = await openBeside()
      const seen: string[] = []
      let from = 1
      for (let turn = 0; turn < 20; turn++) {
        await land(turn % 2 === 0 ? engine : other, eventFor('Order-1'))
        const { events, next } = await page(other, wholeLog, { from })
        seen.push(...idsOf(events))
        from = next
      }
      assert.deepEqual(seen, idsOf(await logOf(engine)))
    },
  },
]

/** Waits for the end of what was told to end, and no longer than anybody should wait for that to be noticed. */
async function soon(ended: Promise<void>): Promise<void> {
  const late = new AbortController()
  const deadline = delay(endMaxMs, undefined, { signal: late.signal }).then(() => {
    throw new AssertionError({ message: `waiting for a wake-up went on for ${endMaxMs} ms after it should have ended` })
  })
  try {
    await Promise.race([ended, deadline])
  } finally {
    late.abort()
    deadline.catch(() => undefined)
  }
}

/** Listens until the engine ends it. */
async function listen(engine: Engine, signal: AbortSignal): Promise<void> {
  for await (const _ of engine.wake(signal)) {
    // Come late, twice, for nothing or never: all of it is allowed.
  }
}
