import { equal } from 'node:assert/strict'
import { describe, it } from 'vitest'
import { momentOf } from './time.ts'

describe('a moment (ISO 8601)', () => {
  it.each([
    ['2026-01-15T10:30:00.000Z', '2026-01-15T10:30:00.000Z'],
    ['2026-01-15T10:30:00.1234567Z', '2026-01-15T10:30:00.123Z'],
    ['2026-01-15T12:30:00+02:00', '2026-01-15T10:30:00.000Z'],
    ['2026-01-15T10:30Z', '2026-01-15T10:30:00.000Z'],
    ['2026-01-15', '2026-01-15T00:00:00.000Z'],
    ['2028-02-29T23:59:59.999Z', '2028-02-29T23:59:59.999Z'],
    ['+010000-01-31T00:00:00.000Z', '+010000-01-31T00:00:00.000Z'],
    ['-000001-01-31T00:00:00.000Z', '-000001-01-31T00:00:00.000Z'],
  ])('is named by %s', (text, moment) => {
    equal(momentOf(text), Date.parse(moment))
  })

  it.each([
    ['no text', 1_700_000_000_000],
    ['nothing', ''],
    ['a word', 'soon'],
    ['a number', '7'],
    ['a time without its zone, which is another one on every machine', '2026-01-15T10:30:00'],
    ['a time as people write it', '15 January 2026 10:30 UTC'],
    ['a blank between date and time', '2026-01-15 10:30:00Z'],
    ['a day that its month does not have', '2026-02-30T00:00:00.000Z'],
    ['a leap day of another year', '2027-02-29'],
    ['a month that there is none', '2026-13-01T00:00:00.000Z'],
    ['an hour that there is none', '2026-01-15T25:00:00.000Z'],
    ['a year beyond every date', '+999999-01-01T00:00:00.000Z'],
    ['another line', '2026-01-15T10:30:00.000Z\n'],
  ])('is not named by %s', (_, text) => {
    equal(momentOf(text), undefined)
  })
})
