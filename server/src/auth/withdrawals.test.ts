import { expect, it } from 'vitest'
import { manualClock } from '../../../test/reactions/manual-clock.ts'
import { AccessRefused } from './access.ts'
import { Withdrawals } from './withdrawals.ts'

const refused = new AccessRefused('credentials', 'The credentials are no longer valid.')

it('what stays open ends within a second of a refusal, with the refusal, and nothing else ends', async () => {
  await using watched = watching()
  const rights = { ada: true }
  const [adas, bobs] = [
    watched.open(() => (rights.ada ? undefined : Promise.reject(refused))),
    watched.open(() => undefined),
  ]
  await watched.pass()
  expect([adas.aborted, bobs.aborted]).toEqual([false, false])
  rights.ada = false
  await watched.pass()
  expect(adas.reason).toBe(refused)
  expect(bobs.aborted).toBe(false)
})

it('nothing ends because the store cannot be asked for a while', async () => {
  await using watched = watching()
  const answers = [Promise.reject(new Error('The store is away.')), Promise.resolve(), Promise.reject(refused)]
  for (const answer of answers) answer.catch(() => undefined)
  const signal = watched.open(() => answers.shift())
  await watched.pass()
  await watched.pass()
  expect(signal.aborted).toBe(false)
  await watched.pass()
  expect(signal.reason).toBe(refused)
})

it('nothing is asked for what is closed, and asking begins again with what is opened next', async () => {
  await using watched = watching()
  const over = new AbortController()
  let asked = 0
  const ask = (): undefined => void asked++
  watched.open(ask, over.signal)
  await watched.pass()
  over.abort(new Error('The client has gone.'))
  await watched.pass()
  await watched.pass()
  expect(asked).toBe(1)
  watched.open(ask)
  await watched.pass()
  expect(asked).toBe(2)
  expect(watched.open(ask, over.signal)).toBe(over.signal)
})

function watching() {
  const clock = manualClock()
  const closing = new AbortController()
  const withdrawals = new Withdrawals({ clock, closing: closing.signal })
  return {
    open: (ask: () => Promise<void> | undefined, over: AbortSignal = closing.signal) =>
      withdrawals.whileAllowed(ask, over),
    /** Lets a second go by, and everything happen that it brings. */
    pass: async () => {
      clock.advance(1_000)
      for (let turns = 0; turns < 5; turns++) await clock.turn()
    },
    [Symbol.asyncDispose]: async () => closing.abort(new Error('The test is over.')),
  }
}
