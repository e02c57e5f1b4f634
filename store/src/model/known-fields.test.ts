import { match, throws } from 'node:assert/strict'
import { describe, it } from 'vitest'
import { fieldsOf, refuseMisspeltFields, refuseUnknownFields, refuseUnknownOptions } from './known-fields.ts'

interface Options {
  readonly expectedVersion?: number
  readonly signal?: AbortSignal
}

const fields = fieldsOf<Options>({ expectedVersion: true, signal: true })

/** What is said about options. */
function saidOf(given: unknown): string {
  try {
    refuseUnknownOptions(given, fields, 'append')
  } catch (error) {
    return (error as Error).message
  }
  return 'nothing'
}

describe('options', () => {
  it.each([
    ['none', undefined],
    ['an empty object', {}],
    ['those there are, undefined or not', { expectedVersion: 3, signal: undefined }],
    [
      'an instance of a class whose class has more',
      new (class Way {
        static readonly more = 1
        get length(): number {
          return 1
        }
      })(),
    ],
    ['an object that inherits more', Object.create({ more: 1 }, { expectedVersion: { value: 3, enumerable: true } })],
    ['an object with a symbol', { [Symbol('more')]: 1 }],
  ])('may be %s', (_, given) => {
    refuseUnknownOptions(given, fields, 'append')
  })

  it.each([
    [
      'another field',
      { more: 1 },
      /^options of append have an unknown field "more"\. They may have expectedVersion, signal$/,
    ],
    ['a misspelt field', { expectVersion: 3 }, /"expectVersion"; did you mean "expectedVersion"\? They may have/],
    ['a field in small letters', { expectedversion: 3 }, /did you mean "expectedVersion"/],
    ['a misspelt field that is undefined', { expectdVersion: undefined }, /did you mean "expectedVersion"/],
    ['one after those that are right', { signal: undefined, expectVersion: 3 }, /"expectVersion"/],
    ['a field as long as a payload', { ['x'.repeat(1_000_000)]: 1 }, /unknown field/],
    ['a list', [1], /unknown field "0"/],
    ['a text', 'no_stream', /unknown field "0"|are not an object/],
    ['a number', 3, /^options of append are not an object: it may have expectedVersion, signal$/],
    ['null', null, /are not an object/],
  ])('are refused for %s', (_, given, said) => {
    match(saidOf(given), said)
  })
})

describe('an object that has a name of its own', () => {
  it('is refused with that name, which is made when it is needed', () => {
    const unneeded = (): string => {
      throw new RangeError('nobody asked')
    }
    refuseUnknownFields({ signal: undefined }, fields, unneeded)
    const named = {
      code: 'INVALID_ARGUMENT',
      argument: 'events[7]',
      message: /^events\[7\] has an unknown field "sginal"/,
    }
    throws(() => refuseUnknownFields({ sginal: 1 }, fields, () => 'events[7]'), named)
  })

  it('may carry what is nobody’s business, but not a field misspelt', () => {
    refuseMisspeltFields({ signal: 1, describe: 1, signals: 1 }, fields, 'decider')
    const refused = { argument: 'decider', message: /"signals"; did you mean "signal"/ }
    throws(() => refuseMisspeltFields({ describe: 1, signals: 1 }, fields, 'decider'), refused)
  })
})
