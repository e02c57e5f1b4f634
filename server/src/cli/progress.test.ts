import { PassThrough } from 'node:stream'
import { describe, expect, it } from 'vitest'
import { createProgress, duration, progressLine } from './progress.ts'

function drawn(isOn: boolean, times: readonly number[]): string {
  const stderr = Object.assign(new PassThrough(), { columns: 100 })
  const clock = [...times]
  const progress = createProgress({ label: 'Importing', total: 1_000, stderr, isOn, now: () => clock.shift() ?? 0 })
  for (const [index] of times.slice(1).entries()) progress.update((index + 1) * 100, (index + 1) * 100)
  progress.end()
  return String(stderr.read() ?? '')
}

describe('a progress line', () => {
  it('shows how far the work is, its rate and the time left', () => {
    const line = progressLine({ label: 'Importing', events: 25_000, fraction: 0.25, elapsedMs: 2_000 })
    expect(line).toBe('Importing  ████░░░░░░░░░░░░  25 %  25,000 events  12,500/s  6 s left')
  })

  it('fits a terminal of 80 characters, however long the log', () => {
    const line = progressLine({ label: 'Importing', events: 1_234_567, fraction: 1, elapsedMs: 10_000 })
    expect(line.length).toBeLessThan(80)
  })

  it('leaves out what nobody knows when the end is not known', () => {
    const line = progressLine({ label: 'Importing', events: 1_500, fraction: undefined, elapsedMs: 1_000 })
    expect(line).toBe('Importing  1,500 events  1,500/s')
  })

  it('is drawn over itself ten times a second at the most, and removed at the end', () => {
    const text = drawn(true, [0, 50, 99, 150, 180, 260])
    expect(text.match(/Importing/g)).toHaveLength(2)
    expect(text.endsWith('\r\u001b[K')).toBe(true)
  })

  it('draws nothing for work that is done at once', () => {
    expect(drawn(true, [0, 10, 20])).toBe('')
  })

  it('draws nothing when nobody watches', () => {
    expect(drawn(false, [0, 500, 1_000])).toBe('')
  })

  it.each([
    [900, '1 s'],
    [59_000, '59 s'],
    [61_000, '1 min 1 s'],
    [7_260_000, '2 h 1 min'],
  ])('tells a duration of %i ms as people do', (ms, text) => {
    expect(duration(ms)).toBe(text)
  })
})
