import { deepEqual, equal } from 'node:assert/strict'
import { describe, it } from 'vitest'
import { linksTo, placeFrom, traceparentOf } from './traceparent.ts'

const [traceId, spanId] = ['0af7651916cd43dd8448eb211c80319c', 'b7ad6b7169203331']
const written = `00-${traceId}-${spanId}-01`

describe('a traceparent (W3C Trace Context, section 3.2)', () => {
  it('names a span, and is read as the same one', () => {
    equal(traceparentOf({ traceId, spanId, traceFlags: 1 }), written)
    deepEqual(placeFrom(written), { traceId, spanId, traceFlags: 1, isRemote: true })
  })

  it('of a later version is read as far as it is known', () => {
    deepEqual(placeFrom(`01-${traceId}-${spanId}-00-more`), { traceId, spanId, traceFlags: 0, isRemote: true })
  })

  it.each([
    ['no text', 7],
    ['the version that is none', `ff-${traceId}-${spanId}-01`],
    ['a trace of zeros', `00-${'0'.repeat(32)}-${spanId}-01`],
    ['a span of zeros', `00-${traceId}-${'0'.repeat(16)}-01`],
    ['upper case', written.toUpperCase()],
    ['more behind it in the first version', `${written}-more`],
    ['too few digits', `00-${traceId}-${spanId.slice(1)}-01`],
    ['another line', `${written}\n`],
  ])('is none with %s', (_, text) => {
    equal(placeFrom(text), undefined)
  })

  it('is none for the span of a tracer that does nothing', () => {
    equal(traceparentOf({ traceId: '0'.repeat(32), spanId: '0'.repeat(16), traceFlags: 0 }), undefined)
  })
})

describe('links', () => {
  it('name each span once, in order, and leave out what is none', () => {
    const other = `00-${traceId}-${'c'.repeat(16)}-00`
    const links = linksTo([written, undefined, other, written, 'x'].map((traceparent) => ({ traceparent })))
    deepEqual(
      links.map(({ context }) => context.spanId),
      [spanId, 'c'.repeat(16)],
    )
  })

  it('are 128 at the most', () => {
    const many = Array.from({ length: 500 }, (_, index) => ({
      traceparent: `00-${traceId}-${String(index + 1).padStart(16, '0')}-01`,
    }))
    equal(linksTo(many).length, 128)
  })
})
