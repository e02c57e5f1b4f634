import { throws } from 'node:assert/strict'
import { describe, it } from 'vitest'
import { checkDocument } from './checked-document.ts'

describe('a document', () => {
  it.each([
    ['a list', [], /Array.*in a field/],
    ['a map', new Map(), /Map.*fromEntries/],
    ['a set', new Set(), /Set.*list/],
    ['a date', new Date(0), /Date.*toISOString/],
    ['a promise', Promise.resolve({}), /Promise.*await/],
    ['bytes', new Uint8Array(1), /Uint8Array/],
    ['an error', new RangeError(), /Error/],
    ['a boxed text', Object('tea'), /String/],
    ['a text', '{}', /String/],
    ['nothing', null, /Null.*delete/],
    ['undefined', undefined, /Undefined/],
  ])('is not %s', (_, document, message) => {
    throws(() => checkDocument(document), { code: 'INVALID_ARGUMENT', argument: 'document', message })
  })

  it('is a plain object, one without a prototype, or one of a class', () => {
    class Order {
      readonly cents = 1
    }
    for (const document of [{}, Object.create(null), new Order()]) checkDocument(document)
  })
})
