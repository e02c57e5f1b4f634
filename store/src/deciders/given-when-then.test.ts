import { throws } from 'node:assert/strict'
import { describe, expect, it } from 'vitest'
import { z } from 'zod'
import { defineEvents, event } from '../schema/events.ts'
import { defineDecider } from './decider.ts'
import { given } from './given-when-then.ts'

class CartClosed extends Error {
  readonly code = 'CART_CLOSED'
}

const cart = defineDecider({
  events: defineEvents({ ItemAdded: z.object({ sku: z.string().min(1) }), CheckedOut: event<{ items: number }>() }),
  initialState: () => ({ items: 0, open: true }),
  decide: (command: { readonly add: string } | 'check out', state) => {
    if (!state.open) throw new CartClosed('The cart is checked out')
    if (command !== 'check out') return { type: 'ItemAdded', data: { sku: command.add } }
    return state.items === 0 ? [] : [{ type: 'CheckedOut', data: { items: state.items } }]
  },
  evolve: (state, event) =>
    event.type === 'ItemAdded' ? { ...state, items: state.items + 1 } : { ...state, open: false },
})

const tea = { type: 'ItemAdded', data: { sku: 'tea' } } as const
const closed = { type: 'CheckedOut', data: { items: 1 } } as const

describe('a specification of a decider', () => {
  it('holds when the events are the ones expected', () => {
    given(cart, [tea, tea])
      .when('check out')
      .thenEvents([{ type: 'CheckedOut', data: { items: 2 } }])
    given(cart, []).when({ add: 'tea' }).thenEvents([tea])
    given(cart, []).when('check out').thenNothing()
  })

  it.each([
    ['its class', CartClosed],
    ['its message', /checked out/],
    ['its properties', { code: 'CART_CLOSED' }],
    ['being one at all', undefined],
  ])('holds when the command is refused, told by %s', (_, expected) => {
    given(cart, [tea, closed]).when({ add: 'mug' }).thenThrows(expected)
  })

  it('fails with the difference when other events were decided', () => {
    const outcome = given(cart, [tea]).when('check out')
    throws(() => outcome.thenEvents([{ type: 'CheckedOut', data: { items: 3 } }]), /\+\s+items: 1\n-\s+items: 3/)
    throws(() => outcome.thenNothing(), { name: 'AssertionError' })
  })

  it('fails with the events when a refusal was expected', () => {
    throws(() => given(cart, [tea]).when('check out').thenThrows(CartClosed), /was decided: .*CheckedOut/s)
  })

  it('fails with the error of the decision when events were expected', () => {
    throws(() => given(cart, [closed]).when({ add: 'tea' }).thenEvents([tea]), CartClosed)
  })

  it('fails when another error came', () => {
    throws(() => given(cart, [closed]).when({ add: 'tea' }).thenThrows(TypeError), { name: 'AssertionError' })
  })

  it('fails where an append would: at a payload that does not fit', () => {
    const outcome = given(cart, []).when({ add: '' })
    throws(() => outcome.thenEvents([{ type: 'ItemAdded', data: { sku: '' } }]), { code: 'PAYLOAD_INVALID' })
  })
})

describe('a decider', () => {
  it('is told when it forgot to return the state', () => {
    const forgetful = defineDecider({ ...cart, evolve: () => undefined as unknown as { items: number; open: boolean } })
    throws(() => given(forgetful, [tea]).when('check out').thenNothing(), { argument: 'evolve' })
  })

  it('is told when it decided nothing at all', () => {
    const silent = defineDecider({ ...cart, decide: (_: 'anything') => undefined as unknown as [] })
    throws(() => given(silent, []).when('anything').thenNothing(), { argument: 'decide' })
  })

  it.each(['events', 'initialState', 'decide', 'evolve'])('is refused without %s', (part) => {
    expect(() => defineDecider({ ...cart, [part]: undefined })).toThrowError(
      expect.objectContaining({ code: 'INVALID_ARGUMENT', argument: part }),
    )
  })
})
