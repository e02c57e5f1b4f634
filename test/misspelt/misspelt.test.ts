/**
 * What the compiler says about a misspelt field, said at run time to those who call without it: one row for each verb, with
 * the field that is misspelt and the one that it was meant for.
 */
import { equal, ok, rejects } from 'node:assert/strict'
import { describe, it } from 'vitest'
import * as varve from '../../store/src/index.ts'
import type { Row } from './call.ts'
import { engines, ofAServer, ofAStore } from './of-stores.ts'
import { blobsAndKeys, commands, consumers, groups, projections } from './on-stores.ts'

const { defineEvents, event, memory, openStore } = varve
const good = { type: 'T', data: 1 }
const id = '0198c6e2-0000-7000-8000-000000000001'
const events = defineEvents({ T: event<number>() })

/** Calls, and takes what may come of it: an answer, a promise of one, or a sequence that has to be asked. */
async function outcomeOf(make: Row[1], store: varve.EventStore): Promise<void> {
  const made = await make(store)
  if (typeof made === 'object' && made !== null && Symbol.asyncIterator in made) {
    for await (const _ of made as AsyncIterable<unknown>) break
  }
}

describe.each([
  ['a store', ofAStore],
  ['a store with personal data', ofAStore],
  ['a store behind a server', ofAServer],
  ['an engine', engines],
  ['commands', commands],
  ['consumer groups', groups],
  ['consumers', consumers],
  ['projections and reactions', projections],
  ['blobs and keys', blobsAndKeys],
])('a misspelt field is refused with what it was meant for, by %s', (whose, rows) => {
  it.each(rows)('%s', async (call, make, argument, meant) => {
    const engine = memory()
    const plain = openStore({ engine })
    const store = whose.endsWith('personal data')
      ? varve.withPersonalData(plain, { events, keys: varve.memoryKeys() })
      : plain
    await rejects(outcomeOf(make, store), (error: varve.InvalidArgument) => {
      equal(error.code, 'INVALID_ARGUMENT')
      equal(error.argument, argument, error.message)
      ok(error.message.includes(`did you mean ${JSON.stringify(meant)}?`), error.message)
      return true
    })
    equal(await plain.head(), whose === 'consumers' && /ack/.test(call) ? 1 : 0)
  })
})

it('a recorded event is not taken for a new one, as it is or spread: its version and its place would be lost', async () => {
  await using store = openStore({ engine: memory() })
  await store.append('From-1', [{ ...good, tags: ['a'] }])
  const [recorded] = await store.readAll().toArray()
  const refused = { code: 'INVALID_ARGUMENT', argument: 'events[0]', message: /newEventFrom makes a new one of it/ }
  for (const event of [recorded, { ...recorded }]) {
    await rejects(store.append('To-1', [event as varve.NewEvent]), refused)
  }
  const partly = { ...good, streamId: 'From-1', version: 1 }
  await rejects(store.append('To-1', [partly as varve.NewEvent]), { code: 'INVALID_ARGUMENT' })
  const [copy] = (await store.append('To-1', [{ ...varve.newEventFrom(recorded as varve.RecordedEvent), id }])).eventIds
  equal(copy, id)
})
