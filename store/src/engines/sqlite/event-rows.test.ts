import { afterEach, expect, it } from 'vitest'
import { type EventRow, EventRows } from './event-rows.ts'
import { openFile } from './open-file.ts'

const db = openFile(':memory:')
const rows = new EventRows(db)
afterEach(() => db.exec('rollback'))

function row(position: number): EventRow {
  return [position, 1, position, `id-${position}`, 1, 1, 0, 1_700_000_000_000, null, `{"n":${position}}`, '{}']
}

function written(): readonly unknown[] {
  return db.prepare('select * from events order by position').all()
}

it.each([1, 3, 4, 5, 15, 16, 17, 22, 37])('writes %i rows, each once and as it was given', (count) => {
  db.exec('begin')
  const given = Array.from({ length: count }, (_, index) => row(index + 1))
  for (const one of given) rows.add(one)
  rows.flush()
  rows.flush()
  expect(written()).toEqual(given)
})

it('writes nothing of what was forgotten', () => {
  db.exec('begin')
  rows.add(row(1))
  rows.forget()
  rows.add(row(2))
  rows.flush()
  expect(written()).toEqual([row(2)])
})
