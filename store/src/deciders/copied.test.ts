import { deepEqual, equal, notEqual, ok } from 'node:assert/strict'
import fc from 'fast-check'
import { describe, it } from 'vitest'
import { copied } from './copied.ts'

function copyOf<State>(state: State): State {
  const found = copied(state)
  ok(found, 'it was not copied')
  return found.copy
}

class Money {
  readonly cents = 1
}

describe('the copy of a state', () => {
  it.each([
    ['a number', 5],
    ['nothing', undefined],
    ['nested data', { a: [{ b: 1 }, [2, null]], c: undefined, d: { e: 'f' }, n: Number.NaN, z: -0, big: 1n }],
    ['an object without a prototype', Object.assign(Object.create(null), { constructor: 1 })],
    ['a key that is called like the prototype', JSON.parse('{"__proto__": {"a": 1}}') as object],
    ['a Map', new Map<unknown, unknown>([['tea', { count: 1 }]])],
    ['a Set', new Set([{ a: 1 }])],
    ['a Date', { at: new Date(7) }],
    ['bytes', new Uint8Array([1, 2])],
  ])('equals it: %s', (_, state) => {
    deepEqual(copyOf(state), state)
  })

  it('equals it, whatever JSON it is, and shares no part that could be changed', () => {
    fc.assert(
      fc.property(fc.jsonValue(), (state) => {
        const copy = copyOf(state)
        deepEqual(copy, state)
        if (typeof state === 'object' && state !== null) notEqual(copy, state)
      }),
    )
  })

  it('is another one at every depth', () => {
    const state = { list: [{ n: 1 }], byName: new Map([['a', { tags: new Set(['x']) }]]), at: new Date(1) }
    const copy = copyOf(state)
    copy.list[0] = { n: 2 }
    copy.byName.get('a')?.tags.add('y')
    copy.at.setTime(2)
    deepEqual(state, { list: [{ n: 1 }], byName: new Map([['a', { tags: new Set(['x']) }]]), at: new Date(1) })
  })

  it('has in one place what the state has in one place, also where it leads back', () => {
    const part = { n: 1 }
    const state: { one: object; other: object; whole?: object } = { one: part, other: part }
    state.whole = state
    const copy = copyOf(state)
    equal(copy.one, copy.other)
    equal(copy.whole, copy)
    notEqual(copy.one, part)
  })

  it('is the state itself where nobody can change it', () => {
    const state = Object.freeze({ items: Object.freeze([Object.freeze({ sku: 'tea' })]) })
    equal(copyOf(state), state)
  })

  it('is as frozen as the state, and no more', () => {
    const copy = copyOf(Object.freeze({ items: ['tea'] }))
    equal(Object.isFrozen(copy), true)
    equal(Object.isFrozen(copy.items), false)
  })

  it.each([
    ['an instance of a class', { price: new Money() }],
    ['a function', { total: () => 1 }],
    [
      'an accessor',
      {
        get total() {
          return 1
        },
      },
    ],
    ['a hidden property', Object.defineProperty({}, 'hidden', { value: 1 })],
    ['a symbol', { [Symbol('key')]: 1 }],
    ['a list with holes', Object.assign([1], { 2: 1 })],
    ['a list with properties', Object.assign([1], { name: 'a' })],
    ['a Map with properties', Object.assign(new Map(), { name: 'a' })],
    ['a promise', Promise.resolve()],
    ['a sealed object', Object.seal({ a: 1 })],
    ['a regular expression', /a/],
  ])('is not made where there is more to it than data: %s', (_, state) => {
    equal(copied(state), undefined)
  })

  it('is not made of what is nested without an end in sight', () => {
    let state: object = {}
    for (let depth = 0; depth < 100_000; depth++) state = { state }
    equal(copied(state), undefined)
  })
})
