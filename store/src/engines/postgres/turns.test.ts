import { expect, it } from 'vitest'
import type { AppendRequest } from '../../engine/engine.ts'
import { createTurns } from './turns.ts'

it('lets a batch wait for an earlier one that has to do with one of its streams, and for no other', async () => {
  const takeTurns = createTurns()
  const started: string[] = []
  const first = held()
  const work = (name: string, until = Promise.resolve()) => {
    return () => {
      started.push(name)
      return until
    }
  }
  const one = takeTurns([checking('Order-1', 'Order-2')], work('first', first.over))
  const two = takeTurns([checking('Order-2')], work('same stream'))
  await takeTurns([checking('Order-3')], work('other stream'))
  expect(started).toEqual(['first', 'other stream'])
  first.end()
  await Promise.all([one, two])
  expect(started).toEqual(['first', 'other stream', 'same stream'])
})

it('goes on behind a batch that failed', async () => {
  const takeTurns = createTurns()
  const failed = takeTurns([checking('Order-1')], () => Promise.reject(new Error('away')))
  const next = takeTurns([checking('Order-1')], async () => 'done')
  await expect(failed).rejects.toThrow('away')
  expect(await next).toBe('done')
})

function checking(...streamIds: readonly string[]): AppendRequest {
  return { events: [], checks: streamIds.map((streamId) => ({ streamId, expectedVersion: 'any' })) }
}

function held(): { readonly over: Promise<void>; readonly end: () => void } {
  let end = (): void => undefined
  const over = new Promise<void>((resolve) => {
    end = resolve
  })
  return { over, end: () => end() }
}
