import { deepEqual, match } from 'node:assert/strict'
import { describe, it } from 'vitest'
import { type Asked, ask, askAll, by, guests, watched } from '../../../test/deciders/show.ts'
import type { EventStore } from '../event-store.ts'
import { EngineUnavailable } from '../model/errors.ts'
import { limits } from '../model/limits.ts'

describe('a neighbour', () => {
  const id = '0198c6e2-5b1a-7c3e-8f00-3d1f2a4b5c6d'

  it.each<[string, Asked, string]>([
    ['whose event its schema refuses', { by: '' }, 'PAYLOAD_INVALID'],
    ['whose event is too large', { by: 'eve', note: 'x'.repeat(limits.eventBytes) }, 'PAYLOAD_TOO_LARGE'],
    ['whose event id is stored elsewhere', { by: 'eve', id }, 'DUPLICATE_EVENT_ID'],
    ['whose event id is none', { by: 'eve', id: '7' }, 'INVALID_ARGUMENT'],
    [
      'whose metadata is the store’s own',
      { by: 'eve', options: { metadata: { timestamp: 'now' } } },
      'INVALID_ARGUMENT',
    ],
    ['whose command id is too long', { by: 'eve', options: { commandId: 'x'.repeat(256) } }, 'LIMIT_EXCEEDED'],
    ['whose command id is empty', { by: 'eve', options: { commandId: '' } }, 'INVALID_ARGUMENT'],
    ['that may not be tried', { by: 'eve', options: { attemptsMax: 0 } }, 'INVALID_ARGUMENT'],
  ])('%s harms nobody', async (_, wrong, code) => {
    const { store } = watched()
    await store.append('Other-1', [{ type: 'Noise', data: {}, id }])
    const told = await askAll(store, [{ by: 'ann' }, wrong, { by: 'bob' }, { by: 'cy' }])
    deepEqual(told, ['version 1', code, 'version 2', 'version 3'])
    deepEqual(await guests(store), ['ann', 'bob', 'cy'])
  })

  it('is refused in the words it would be refused in alone', async () => {
    const { store } = watched()
    const [, refused] = await Promise.allSettled(by('ann', '').map((one) => ask(store, one)))
    match(String(refused?.status === 'rejected' && refused.reason), /events\[0\]/)
  })

  it('that gives up leaves the others alone, whoever came first', async () => {
    const { store } = watched()
    const leaving = new AbortController()
    const options = { signal: leaving.signal }
    const all = askAll(store, [{ by: 'ann', options }, { by: 'bob' }, { by: 'cy', options }, { by: 'di' }])
    leaving.abort(new Error('gone'))
    deepEqual(await all, ['gone', 'version 1', 'gone', 'version 2'])
    deepEqual(await guests(store), ['bob', 'di'])
  })

  it('that gives up while the append is under way is told so at once, and the others when it has landed', async () => {
    const leaving = new AbortController()
    const { store } = watched(() => leaving.abort(new Error('gone')))
    const options = { signal: leaving.signal }
    deepEqual(await askAll(store, [{ by: 'ann', options }, { by: 'bob' }]), ['gone', 'version 2'])
    deepEqual(await guests(store), ['ann', 'bob'])
  })
})

/** A store whose first append lands and is never heard of. */
function losingTheFirstAnswer(store: EventStore, failure: Error): EventStore {
  let isLost = false
  return {
    ...store,
    category: (name, definitions, options) => {
      const category = store.category(name, definitions, options)
      const stream: typeof category.stream = (id) => ({
        ...category.stream(id),
        append: async (...given) => {
          const appended = await category.stream(id).append(...given)
          if (isLost) return appended
          isLost = true
          throw failure
        },
      })
      return { ...category, stream }
    },
  }
}

describe('when nobody knows whether an append landed', () => {
  const all = [
    { by: 'ann' },
    { by: 'bob', options: { commandId: 'c1' } },
    { by: 'nobody' },
    { by: 'cy', options: { commandId: 'c2' } },
  ]

  it('what could be doubled is not decided again, and commands with an id find what they did', async () => {
    const { store } = watched()
    const told = await askAll(losingTheFirstAnswer(store, new Error('lost')), all)
    deepEqual(told, ['lost', 'version 2 again', 'version 3', 'version 3 again'])
    deepEqual(await guests(store), ['ann', 'bob', 'cy'])
  })

  it('all who appended are told at once when the store itself is away', async () => {
    const { store } = watched()
    const told = await askAll(losingTheFirstAnswer(store, new EngineUnavailable('memory', 'away')), all)
    deepEqual(told, ['ENGINE_UNAVAILABLE', 'ENGINE_UNAVAILABLE', 'version 3', 'ENGINE_UNAVAILABLE'])
    deepEqual(await askAll(store, all.slice(1, 2)), ['version 2 again'])
  })
})
