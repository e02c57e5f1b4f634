import { deepEqual, equal, ok } from 'node:assert/strict'
import { describe, it } from 'vitest'
import { ask, askAll, by, guests, show, streamId, type Take, watched } from '../../../test/deciders/show.ts'
import type { Clock } from '../engine/clock.ts'
import { systemClock } from '../engine/system-clock.ts'
import type { EventStore } from '../event-store.ts'
import { limits } from '../model/limits.ts'
import { correlate } from '../streams/causation.ts'
import { idFromKey } from '../streams/event-id.ts'
import { execute } from './execute.ts'

const noPause: Clock = { ...systemClock, sleep: async () => undefined }

describe('commands that wait for one stream', () => {
  it('share one read and one append, each decided on what those before it leave', async () => {
    const { store, calls } = watched()
    deepEqual(await askAll(store, by('ann', 'nobody', 'bob', 'cy', 'di', 'ed', 'nobody')), [
      'version 1',
      'version 1',
      'version 2',
      'version 3',
      'version 4',
      'sold out',
      'version 4',
    ])
    deepEqual(calls, ['read', 'append 4'])
    deepEqual(await guests(store), ['ann', 'bob', 'cy', 'di'])
  })

  it('are told as if each had come alone', async () => {
    const { store } = watched()
    await store.append('Other-1', [{ type: 'Noise', data: {} }])
    const [first, nothing, second] = await Promise.all(by('ann', 'nobody', 'bob').map((one) => ask(store, one)))
    const told = { streamId, attempts: 1, idempotent: false }
    deepEqual(first, {
      ...told,
      events: [{ type: 'SeatTaken', data: { by: 'ann', seat: 1 } }],
      version: 1,
      position: 2,
    })
    deepEqual(nothing, { ...told, events: [], version: 1, position: 2 })
    deepEqual(second, {
      ...told,
      events: [{ type: 'SeatTaken', data: { by: 'bob', seat: 2 } }],
      version: 2,
      position: 3,
    })
  })

  it('have each their own metadata, causes and ids', async () => {
    const { store } = watched()
    const named = (by: string) => ask(store, { by, options: { commandId: by, metadata: { userId: by } } })
    await Promise.all([
      correlate({ correlationId: 'req-1', causationId: 'cause-1' }, () => ask(store, { by: 'ann' })),
      ask(store, { by: 'bob' }),
      correlate({ correlationId: 'req-3' }, () => named('cy')),
    ])
    const stored = await store.readStream(streamId).toArray()
    deepEqual(
      stored.map(({ metadata: { timestamp: _, ...own } }) => own),
      [
        { correlationId: 'req-1', causationId: 'cause-1' },
        {},
        { correlationId: 'req-3', userId: 'cy', commandId: 'cy' },
      ],
    )
    equal(stored[2]?.id, idFromKey('cy', streamId, 0))
    equal((await store.trace('req-1')).events.length, 1)
  })

  it('are executed once for each command id, and a repeat is told what the first one did', async () => {
    const { store, calls } = watched()
    const options = { commandId: 'c1' }
    const all = [{ by: 'ann', options }, { by: 'bob' }, { by: 'ann', options }, { by: 'ann', options }, { by: 'cy' }]
    deepEqual(await askAll(store, all), ['version 1', 'version 2', 'version 1 again', 'version 1 again', 'version 3'])
    deepEqual(calls, ['read', 'append 2', 'read', 'append 1'])
    deepEqual(await askAll(store, all), [
      'version 1 again',
      'version 4',
      ...Array(2).fill('version 1 again'),
      'sold out',
    ])
  })

  it('are as many as a limit allows', async () => {
    const { store, calls } = watched()
    const decider = {
      ...show,
      decide: ({ by: name }: Take) => ({ type: 'SeatTaken' as const, data: { by: name, seat: 1 } }),
    }
    const count = limits.commandsTogether * 2 + 1
    const sent = Array.from({ length: count }, () => execute(store, { decider, streamId, command: { by: 'x' } }))
    equal((await Promise.all(sent)).at(-1)?.version, count)
    const full = `append ${limits.commandsTogether}`
    deepEqual(calls, ['read', full, 'read', full, 'read', 'append 1'])
  })

  it('fill no more than one batch of the store', async () => {
    const { store, calls } = watched()
    const note = 'x'.repeat(limits.batchBytes / 7)
    await askAll(
      store,
      ['ann', 'bob', 'cy', 'di'].map((name) => ({ by: name, note })),
    )
    deepEqual(calls, ['read', 'append 2', 'read', 'append 2'])
  })

  it('are decided one by one where their rules are not the same', async () => {
    const { store, calls } = watched()
    const other = { ...show, evolve: (...given: Parameters<typeof show.evolve>) => show.evolve(...given) }
    const sent = [show, other, show].map((decider) => execute(store, { decider, streamId, command: { by: 'x' } }))
    deepEqual(
      (await Promise.all(sent)).map(({ version }) => version),
      [1, 2, 3],
    )
    deepEqual(calls, Array.from({ length: 3 }, () => ['read', 'append 1']).flat())
  })
})

describe('when another append comes first', () => {
  const meanwhile = (times: number) => {
    let left = times
    return (store: EventStore) => left-- > 0 && store.append(streamId, [{ type: 'Sold', data: { seats: 0 } }])
  }

  it('all of them are decided again', async () => {
    const { store, calls } = watched(meanwhile(2))
    const told = await askAll(
      store,
      by('ann', 'bob', 'nobody').map((one) => ({ ...one, options: { clock: noPause } })),
    )
    deepEqual(told, ['version 3 after 3', 'version 4 after 3', 'version 4'])
    deepEqual(calls, Array.from({ length: 3 }, () => ['read', 'append 2']).flat())
  })

  it('each gives up after as many attempts as it may have', async () => {
    const { store } = watched(meanwhile(2))
    const told = await askAll(
      store,
      [1, 2, 3].map((attemptsMax) => ({ by: `g${attemptsMax}`, options: { clock: noPause, attemptsMax } })),
    )
    deepEqual(told, ['VERSION_CONFLICT', 'VERSION_CONFLICT', 'version 3 after 3'])
    ok((await guests(store)).includes('g3'))
  })
})

it('commands that another process has executed meanwhile are told what it did', async () => {
  const all = ['c1', 'c2'].map((commandId) => ({ by: commandId, options: { commandId } }))
  const { store, calls } = watched(async (inner) => {
    if (calls.length === 2) await askAll(inner, all)
  })
  deepEqual(await askAll(store, all), ['version 1 again', 'version 2 again'])
  deepEqual(await guests(store), ['c1', 'c2'])
})
