import { deepEqual, equal, ok, rejects } from 'node:assert/strict'
import { describe, it, vi } from 'vitest'
import type { Engine } from '../engine/engine.ts'
import { systemClock } from '../engine/system-clock.ts'
import { memory } from '../engines/memory/index.ts'
import type { EventStore } from '../event-store.ts'
import type { SubscribeOptions } from '../model/call.ts'
import { EngineFailed, EngineUnavailable } from '../model/errors.ts'
import { limits } from '../model/limits.ts'
import { openStore } from '../open-store.ts'

const patience = { timeout: 20_000 }

function filled(store: EventStore, events: number, type = 'T'): Promise<unknown> {
  return store.append(
    'S-1',
    Array.from({ length: events }, (_, n) => ({ type, data: n })),
  )
}

/** Takes `count` events and leaves the loop. */
async function take(
  store: EventStore,
  count: number,
  options: Omit<SubscribeOptions, 'marks'> = {},
): Promise<number[]> {
  const positions: number[] = []
  for await (const event of store.subscribe(options)) {
    positions.push(event.position)
    if (positions.length === count) break
  }
  return positions
}

/** An engine whose calls of one verb go through a function of the test. */
function tapped<Verb extends 'read' | 'head' | 'wake'>(verb: Verb, tap: (real: Engine[Verb]) => Engine[Verb]): Engine {
  const engine = memory()
  return { ...engine, [verb]: tap(engine[verb]) }
}

describe('a subscription', () => {
  it('catches up, then follows what is appended', async () => {
    const store = openStore({ engine: memory() })
    await filled(store, 2)
    const taken = take(store, 4)
    await filled(store, 2)
    deepEqual(await taken, [1, 2, 3, 4])
  })

  it('from the end delivers only what comes from now on', async () => {
    const store = openStore({ engine: memory() })
    await filled(store, 2)
    const iterator = store.subscribe({ from: 'end', marks: true })[Symbol.asyncIterator]()
    deepEqual((await iterator.next()).value, { kind: 'caught_up', position: 2, positions: [2] })
    await filled(store, 1)
    const { value } = await iterator.next()
    equal(value.event.position, 3)
  })

  it('follows one stream by version, from a version on', async () => {
    const store = openStore({ engine: memory() })
    await store.append('Other-1', [{ type: 'O', data: 0 }])
    await filled(store, 3)
    deepEqual(await take(store, 2, { stream: 'S-1', from: 2 }), [3, 4])
  })

  it('holds one page, however slow its reader', async () => {
    let pages = 0
    const engine = tapped('read', (read) => (query, signal) => {
      pages++
      return read(query, signal)
    })
    const store = openStore({ engine })
    await filled(store, limits.pageEvents * 3)
    const iterator = store.subscribe()[Symbol.asyncIterator]()
    for (let n = 0; n < limits.pageEvents; n++) await iterator.next()
    equal(pages, 1)
    await iterator.next()
    equal(pages, 2)
  })

  it('needs no wake-up: polling finds what was appended', async () => {
    const never: Engine['wake'] = () => ({
      [Symbol.asyncIterator]: () => ({ next: () => new Promise(() => undefined) }),
    })
    const store = openStore({ engine: tapped('wake', () => never) })
    const taken = take(store, 1)
    await filled(store, 1)
    deepEqual(await taken, [1])
  })

  it('survives a wake-up that breaks', async () => {
    const broken: Engine['wake'] = () => ({
      [Symbol.asyncIterator]: () => ({ next: () => Promise.reject(new Error('no connection')) }),
    })
    const store = openStore({ engine: tapped('wake', () => broken) })
    const taken = take(store, 1)
    await filled(store, 1)
    deepEqual(await taken, [1])
  })

  it('waits for an engine that is away and goes on where it was', async () => {
    let failures = 3
    const engine = tapped(
      'read',
      (read) => (query, signal) =>
        failures-- > 0 ? Promise.reject(new EngineUnavailable('memory', 'restarting')) : read(query, signal),
    )
    const store = openStore({ engine })
    await filled(store, 2)
    deepEqual(await take(store, 2), [1, 2])
    equal(failures, -1)
  })

  it('gives up, loudly, on an engine that stays away', async () => {
    const clock = { ...systemClock, sleep: async () => undefined }
    let reads = 0
    const engine = tapped('read', () => () => {
      reads++
      return Promise.reject(new EngineUnavailable('memory', 'gone'))
    })
    await rejects(take(openStore({ engine, clock }), 1), { code: 'ENGINE_UNAVAILABLE' })
    equal(reads, limits.readAttempts)
  })

  it('passes on a failure that a retry does not mend, while waiting too', async () => {
    let broken = false
    const engine = tapped(
      'head',
      (head) => (signal) => (broken ? Promise.reject(new EngineFailed('memory', 'disk')) : head(signal)),
    )
    const store = openStore({ engine })
    const taken = take(store, 1)
    broken = true
    await rejects(taken, { code: 'ENGINE_FAILED' })
  })

  it('rejects with the reason of its signal', async () => {
    const abort = new AbortController()
    const taken = take(openStore({ engine: memory() }), 1, { signal: abort.signal })
    abort.abort(new Error('enough'))
    await rejects(taken, /enough/)
  })

  it('ends without an error when the store closes', async () => {
    const store = openStore({ engine: memory() })
    await filled(store, 1)
    const taken = take(store, 2)
    await store.close()
    ok((await taken).length <= 1)
  })

  it('costs one question for the head, however many wait', async () => {
    const head = vi.fn()
    const engine = tapped('head', (real) => (signal) => {
      head()
      return real(signal)
    })
    const store = openStore({ engine })
    const all = Promise.all(Array.from({ length: 50 }, () => take(store, 1, { from: 'end' })))
    await vi.waitFor(() => ok(head.mock.calls.length > 0), patience)
    const before = head.mock.calls.length
    await filled(store, 1)
    await all
    ok(head.mock.calls.length - before < 10, `${head.mock.calls.length - before} questions for 50 subscriptions`)
  })
})

describe('a checkpoint', () => {
  it('resumes after the last event whose turn was over', async () => {
    const store = openStore({ engine: memory() })
    await filled(store, 5)
    deepEqual(await take(store, 3, { checkpoint: 'mailer' }), [1, 2, 3])
    deepEqual(await take(store, 3, { checkpoint: 'mailer' }), [3, 4, 5])
  })

  it('does not pass an event whose handler failed', async () => {
    const store = openStore({ engine: memory() })
    await filled(store, 3)
    const failing = async (): Promise<void> => {
      for await (const event of store.subscribe({ checkpoint: 'mailer' })) {
        if (event.position === 2) throw new Error('handler failed')
      }
    }
    await rejects(failing(), /handler failed/)
    deepEqual(await store.checkpoints.load('mailer'), { position: 1, version: 1 })
  })

  it('is saved every so many events', async () => {
    const store = openStore({ engine: memory() })
    await filled(store, 10)
    const iterator = store.subscribe({ checkpoint: { name: 'mailer', everyEvents: 4 } })[Symbol.asyncIterator]()
    for (let n = 0; n < 6; n++) await iterator.next()
    deepEqual(await store.checkpoints.load('mailer'), { position: 4, version: 1 })
  })

  it('passes events that the filter leaves out', async () => {
    const store = openStore({ engine: memory() })
    await filled(store, 3)
    const reading = store.subscribe({ checkpoint: 'mailer', filter: { types: ['Never'] } })[Symbol.asyncIterator]()
    const next = reading.next()
    await vi.waitFor(async () => equal((await store.checkpoints.load('mailer'))?.position, 3), patience)
    await store.close()
    equal((await next).done, true)
  })

  it('refuses a second consumer under its name', async () => {
    const store = openStore({ engine: memory() })
    await filled(store, 4)
    const options = { checkpoint: { name: 'mailer', everyEvents: 1 } }
    const first = store.subscribe(options)[Symbol.asyncIterator]()
    const second = store.subscribe(options)[Symbol.asyncIterator]()
    await first.next()
    await second.next()
    await first.next()
    await rejects(second.next(), { code: 'CHECKPOINT_CONFLICT', checkpoint: 'mailer' })
  })

  it('can be saved and read by hand, under its version', async () => {
    const store = openStore({ engine: memory() })
    equal(await store.checkpoints.load('own'), undefined)
    equal(await store.checkpoints.save('own', 7, { expectedVersion: 0 }), 1)
    await rejects(store.checkpoints.save('own', 8, { expectedVersion: 0 }), { code: 'CHECKPOINT_CONFLICT' })
    deepEqual(await store.checkpoints.load('own'), { position: 7, version: 1 })
    await rejects(store.checkpoints.save('own', -1), { code: 'INVALID_ARGUMENT' })
  })
})
