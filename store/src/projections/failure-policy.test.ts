import { deepEqual, equal, throws } from 'node:assert/strict'
import { describe, it } from 'vitest'
import { EngineUnavailable } from '../model/errors.ts'
import { type BatchFailure, checkedDecision, failureRules, retryThen, stopUnlessPassing } from './failure-policy.ts'

const failure = (given: Partial<BatchFailure> = {}): BatchFailure => ({
  ...{ error: new RangeError('no'), event: undefined, attempts: 1, chance: 1 },
  ...given,
})
const passing = new EngineUnavailable('memory', 'read')

describe('what is done about a failure', () => {
  it('is to stop by default, and to wait for what passes by itself as long as it takes', () => {
    equal(stopUnlessPassing(failure()), 'stop')
    deepEqual(stopUnlessPassing(failure({ error: passing })), { retryAfterMs: 100 })
    deepEqual(stopUnlessPassing(failure({ error: passing, attempts: 1_000 })), { retryAfterMs: 30_000 })
  })

  it('is to try again with growing pauses, and then what was said', () => {
    const policy = retryThen('park_key', { attemptsMax: 3, pauseMs: 10 })
    const decisions = [1, 2, 3].map((attempts) => policy(failure({ attempts })))
    deepEqual(decisions, [{ retryAfterMs: 10 }, { retryAfterMs: 20 }, 'park_key'])
  })

  it('is never sooner than half of the pause, whatever chance says', () => {
    deepEqual(retryThen('stop', { pauseMs: 100 })(failure({ chance: 0 })), { retryAfterMs: 50 })
  })

  it('is what the first rule says that takes it', () => {
    const policy = failureRules([
      { when: ({ error }) => error instanceof SyntaxError, decide: 'park_event' },
      { when: ({ error }) => error instanceof RangeError, decide: retryThen('park_key', { attemptsMax: 1 }) },
      { when: ({ error }) => error instanceof Error, decide: 'stop' },
    ])
    equal(policy(failure({ error: new SyntaxError() })), 'park_event')
    equal(policy(failure()), 'park_key')
    equal(policy(failure({ error: new TypeError() })), 'stop')
    deepEqual(failureRules([])(failure({ error: passing })), { retryAfterMs: 100 })
  })

  it.each([undefined, 'skip', {}, { retryAfterMs: -1 }, { retryAfterMs: Number.NaN }])('is not %j', (decision) => {
    throws(() => checkedDecision(decision), { code: 'INVALID_ARGUMENT', argument: 'onFailure' })
  })

  it('is refused where it is defined when it could decide on nothing', () => {
    throws(() => retryThen('park' as never), { code: 'INVALID_ARGUMENT', argument: 'onFailure' })
    const always = (): boolean => true
    for (const [rule, argument] of [
      [undefined, 'rules[0].when'],
      [{ decide: 'stop' }, 'rules[0].when'],
      [{ when: always, decide: 'park' }, 'onFailure'],
    ]) {
      throws(() => failureRules([rule as never]), { code: 'INVALID_ARGUMENT', argument })
    }
  })

  it.each([{ attemptsMax: 0 }, { pauseMs: -1 }, { pauseMaxMs: 1.5 }])('is refused with %j', (options) => {
    throws(() => retryThen('stop', options), { code: 'INVALID_ARGUMENT' })
  })
})
