import { deepEqual, equal, ok } from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import fc from 'fast-check'
import { afterEach, beforeEach, describe, it } from 'vitest'
import { systemClock } from '../../engine/system-clock.ts'
import type { EventStore } from '../../event-store.ts'
import { openStore } from '../../open-store.ts'
import { candidatesIn, packCorrelations } from './correlations.ts'
import { fingerprintOf } from './event-ids.ts'
import { openEngine } from './open-engine.ts'

let folder: string
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'varve-'))
})
afterEach(() => rmSync(folder, { recursive: true }))

/** Seals every eight events, so that a small log has many chunks. */
function open(): EventStore {
  return openStore({ engine: openEngine({ path: join(folder, 'store.db'), clock: systemClock, chunkEvents: 8 }) })
}

const eventOf = (correlationId: string) => ({ type: 'Happened', data: {}, metadata: { correlationId } })

describe('correlation ids in chunks', () => {
  it('find what was packed, whatever the fingerprints', () => {
    const lists = fc.dictionary(fc.string(), fc.uniqueArray(fc.integer({ min: 100, max: 18_000 }), { minLength: 1 }))
    fc.assert(
      fc.property(lists, (given) => {
        const terms = new Map(Object.entries(given).map(([term, all]) => [term, all.sort((a, b) => a - b)]))
        const list = packCorrelations(terms, 100)
        for (const [term, positions] of terms) {
          const found = candidatesIn([18_000, 100, list], fingerprintOf(term))
          ok(positions.every((position) => found.includes(position)))
        }
        deepEqual(candidatesIn([18_000, 100, packCorrelations(new Map(), 100)], 7), [])
      }),
    )
  })

  it('are found in sealed and recent events alike, forward and backward, and after a reopen', async () => {
    let store = open()
    for (let n = 1; n <= 1_000; n++) {
      await store.append(`Order-${n % 7}`, [eventOf(n % 97 === 0 ? 'seldom' : `req-${n}`)])
    }
    const seldom = Array.from({ length: 10 }, (_, index) => (index + 1) * 97)
    for (let reopened = 0; reopened < 2; reopened++) {
      deepEqual(
        (await store.trace('seldom')).events.map(({ position }) => position),
        seldom,
      )
      const filter = { tags: ['$correlation:seldom'] }
      const backward = await store.readAll({ filter, direction: 'backward' }).toArray()
      deepEqual(backward.map(({ position }) => position).reverse(), seldom)
      equal((await store.trace('req-999')).events[0]?.position, 999)
      equal((await store.trace('req-3')).events[0]?.position, 3)
      equal((await store.trace('never')).events.length, 0)
      await store.close()
      store = open()
    }
    await store.close()
  })

  it('with one fingerprint are told apart by their rows', async () => {
    const [first, second] = collidingIds()
    await using store = open()
    for (const id of [first, second, first]) await store.append('Order-1', [eventOf(id)])
    for (let n = 0; n < 9; n++) await store.append('Order-2', [eventOf(`req-${n}`)])
    deepEqual(
      (await store.trace(first)).events.map(({ version }) => version),
      [1, 3],
    )
    deepEqual(
      (await store.trace(second)).events.map(({ version }) => version),
      [2],
    )
  })

  it('are append-only in the file, whatever connection tries', async () => {
    await using store = open()
    for (let n = 0; n < 9; n++) await store.append('Order-1', [eventOf(`req-${n}`)])
    const db = new DatabaseSync(join(folder, 'store.db'))
    for (const change of [
      'delete from correlations',
      'update correlations set list = x%',
      'insert or replace into correlations select * from correlations',
    ]) {
      let refusal = ''
      try {
        db.exec(change.replace('%', "''"))
      } catch (error) {
        refusal = String(error)
      }
      ok(refusal.includes('append-only'), `${change}: ${refusal}`)
    }
    db.close()
  })
})

/** Two ids whose tags have one fingerprint; there is a pair among a hundred thousand. */
function collidingIds(): readonly [string, string] {
  const seen = new Map<number, string>()
  for (let n = 0; ; n++) {
    const id = `id-${n}`
    const fingerprint = fingerprintOf(`$correlation:${id}`)
    const other = seen.get(fingerprint)
    if (other !== undefined) return [other, id]
    seen.set(fingerprint, id)
  }
}
