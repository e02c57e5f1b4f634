import assert from 'node:assert/strict'
import type { Engine } from '../engine/engine.ts'
import type { EngineCase } from './case.ts'
import { eventFor, eventsOf, land, page, request, wholeLog } from './port.ts'

/** Every verb of the port that waits, with arguments that succeed on an open engine. */
const verbs: readonly {
  readonly verb: string
  readonly call: (engine: Engine, signal?: AbortSignal) => Promise<unknown>
}[] = [
  { verb: 'append', call: (engine, signal) => engine.append([request([eventFor('Order-1')])], signal) },
  {
    verb: 'read',
    call: (engine, signal) =>
      engine.read(
        { source: { streamId: 'Order-1' }, direction: 'forward', from: 1, limit: 10, maxBytes: 1_000 },
        signal,
      ),
  },
  { verb: 'find', call: (engine, signal) => engine.find(eventFor('Order-1').id, signal) },
  { verb: 'head', call: (engine, signal) => engine.head(signal) },
  { verb: 'streams', call: (engine, signal) => engine.streams({ prefix: '', after: '', limit: 10 }, signal) },
  { verb: 'shelf.get', call: (engine, signal) => engine.shelf.get('a', signal) },
  { verb: 'shelf.put', call: (engine, signal) => engine.shelf.put('a', '1', { expectedVersion: undefined }, signal) },
  { verb: 'shelf.delete', call: (engine, signal) => engine.shelf.delete('a', { expectedVersion: undefined }, signal) },
  { verb: 'shelf.list', call: (engine, signal) => engine.shelf.list({ prefix: '', after: '', limit: 10 }, signal) },
]

/** The end of an engine, and the end of one call. */
export const closingCases: readonly EngineCase[] = [
  ...verbs.map(
    ({ verb, call }): EngineCase => ({
      promise: 'closing',
      rule: 'closing/refuses',
      name: `${verb} on a closed engine rejects with STORE_CLOSED`,
      run: async ({ engine }) => {
        await engine.close()
        await assert.rejects(call(engine), { code: 'STORE_CLOSED' })
      },
    }),
  ),
  ...verbs.map(
    ({ verb, call }): EngineCase => ({
      promise: 'closing',
      rule: 'closing/signals',
      name: `${verb} with an aborted signal rejects with its reason and changes nothing`,
      run: async ({ engine }) => {
        const reason = new Error('the caller went away')
        await assert.rejects(call(engine, AbortSignal.abort(reason)), (error) => error === reason)
        assert.equal(await engine.head(), 0)
        assert.equal(await engine.shelf.get('a'), undefined)
      },
    }),
  ),
  {
    promise: 'closing',
    rule: 'closing/twice',
    name: 'closing twice, also at the same time, is fine',
    run: async ({ engine }) => {
      await land(engine, eventFor('Order-1'))
      await Promise.all([engine.close(), engine.close()])
      await engine.close()
    },
  },
  {
    promise: 'closing',
    rule: 'closing/waits',
    name: 'closing waits for the appends under way: each is done and kept, or refused',
    needs: ['durable'],
    run: async ({ engine, reopen }) => {
      const appends = Promise.allSettled(
        Array.from({ length: engine.capabilities.batchesInFlight }, (_, index) =>
          land(engine, eventFor(`Order-${index}`)),
        ),
      )
      await engine.close()
      const settled = await appends
      const reopened = await reopen()
      for (const [index, one] of settled.entries()) {
        const kept = (await eventsOf(reopened, `Order-${index}`)).length
        if (one.status === 'fulfilled') assert.equal(kept, 1)
        else assert.equal((one.reason as { code?: string }).code, 'STORE_CLOSED')
      }
    },
  },
  {
    promise: 'closing',
    rule: 'closing/shared',
    name: 'closing one instance leaves the other on the same storage at work',
    shards: 'one',
    needs: ['sharedStorage'],
    run: async ({ engine, openBeside }) => {
      const other = await openBeside()
      await land(engine, eventFor('Order-1'))
      await engine.close()
      await land(other, eventFor('Order-1'))
      assert.equal((await page(other, wholeLog)).events.length, 2)
    },
  },
]
