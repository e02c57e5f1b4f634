import { deepEqual } from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { openStore } from 'varve'
import { sqlite } from 'varve/sqlite'
import { sqliteTarget } from 'varve/targets/sqlite'
import { afterAll, beforeAll, describe, it } from 'vitest'
import { lateMinutes, rollOut } from './blue-green.ts'
import { readFlights, readRows } from './flights.ts'

let folder = ''
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'varve-blue-green-'))
})
afterAll(() => rmSync(folder, { recursive: true, force: true }))

describe('a new version of a read model', () => {
  it('is built while flights are imported, and counts every one of them', async () => {
    await using store = openStore({ engine: sqlite({ path: join(folder, 'flights.db') }) })
    await using target = sqliteTarget({ path: join(folder, 'read-model.db') })
    const { seen, flights, late } = await rollOut(store, target, readFlights(), () => undefined)
    const rows = readRows()
    deepEqual([seen, flights, late], [[1, 2], rows.length, rows.filter(({ delay }) => delay > lateMinutes).length])
  })
})
