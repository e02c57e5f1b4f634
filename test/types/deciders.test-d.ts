import {
  aggregate,
  type Decider,
  defineDecider,
  defineEvents,
  defineView,
  type EventStore,
  event,
  execute,
  executeOver,
  type FoldedStream,
  foldStream,
  given,
  repository,
} from 'varve'
import { expectTypeOf } from 'vitest'

declare const store: EventStore

interface Cart {
  readonly status: 'open' | 'checked-out'
  readonly items: number
}
type Command = { readonly kind: 'add'; readonly sku: string } | { readonly kind: 'check-out' }

const events = defineEvents({ ItemAdded: event<{ sku: string }>(), CheckedOut: event<{ items: number; at: Date }>() })

// Events, command and state are inferred; the only types written are those of the command and of the state.
const cart = defineDecider({
  events,
  initialState: (): Cart => ({ status: 'open', items: 0 }),
  decide: (command: Command, state) => {
    expectTypeOf(state).toEqualTypeOf<Cart>()
    if (command.kind === 'add') return { type: 'ItemAdded', data: { sku: command.sku } }
    return [{ type: 'CheckedOut', data: { items: state.items, at: new Date() } }]
  },
  evolve: (state, recorded) => {
    switch (recorded.type) {
      case 'ItemAdded':
        expectTypeOf(recorded.data).toEqualTypeOf<{ sku: string }>()
        return { ...state, items: state.items + 1 }
      case 'CheckedOut':
        // Folded is what is stored: the date went through JSON.
        expectTypeOf(recorded.data.at).toBeString()
        return { ...state, status: 'checked-out' }
    }
  },
})
expectTypeOf(cart).toEqualTypeOf<Decider<typeof events, Command, Cart>>()

execute(store, { decider: cart, streamId: 'Cart-7', command: { kind: 'add', sku: 'tea' } })
// @ts-expect-error there is no such command
execute(store, { decider: cart, streamId: 'Cart-7', command: { kind: 'remove' } })

given(cart, [{ type: 'ItemAdded', data: { sku: 'tea' } }]).when({ kind: 'check-out' })
// @ts-expect-error the decider does not know this event
given(cart, [{ type: 'ItemLost', data: { sku: 'tea' } }])
// @ts-expect-error there is no such command
given(cart, []).when('add')

defineDecider({
  events,
  initialState: (): Cart => ({ status: 'open', items: 0 }),
  // @ts-expect-error the event is not defined
  decide: (_command: Command, _state) => ({ type: 'ItemLost', data: {} }),
  evolve: (state) => state,
})
defineDecider({
  events,
  initialState: (): Cart => ({ status: 'open', items: 0 }),
  decide: (_command: Command, _state) => [],
  // @ts-expect-error this is no state of the cart
  evolve: (_state) => ({ status: 'gone', items: 0 }),
})

// A decision model: each view's state by its name.
const itemsAdded = defineView({
  events,
  initialState: () => 0,
  evolve: (items, recorded) => (recorded.type === 'ItemAdded' ? items + recorded.data.sku.length : items),
})
executeOver(store, {
  model: { items: itemsAdded },
  events,
  streamId: 'Cart-7',
  decide: (state) => {
    expectTypeOf(state).toEqualTypeOf<{ readonly items: number }>()
    return state.items > 3 ? [] : { type: 'ItemAdded', data: { sku: 'tea' } }
  },
})
executeOver(store, {
  model: { items: itemsAdded },
  events,
  streamId: 'Cart-7',
  // @ts-expect-error there is no such event
  decide: () => ({ type: 'ItemRemoved', data: {} }),
})
// @ts-expect-error the state is a number
defineView({ events, initialState: () => 0, evolve: () => 'many' })

// A snapshot holds the state of its decider; what decode gives back has to be one.
defineDecider({
  events,
  initialState: (): Cart => ({ status: 'open', items: 0 }),
  decide: (_: Command) => [],
  evolve: (state) => state,
  snapshot: {
    name: 'cart',
    encode: (state) => {
      expectTypeOf(state).toEqualTypeOf<Cart>()
      return state.items
    },
    // @ts-expect-error a number is no cart
    decode: (value) => Number(value),
  },
})
expectTypeOf(foldStream(store, { decider: cart, streamId: 'Cart-7' })).resolves.toEqualTypeOf<FoldedStream<Cart>>()

// An aggregate's methods know the state and may record its events only.
class Basket extends aggregate({
  category: 'Basket',
  events,
  initialState: (): Cart => ({ status: 'open', items: 0 }),
  evolve: (state, { type }) => (type === 'ItemAdded' ? { ...state, items: state.items + 1 } : state),
}) {
  add(sku: string): void {
    expectTypeOf(this.state).toEqualTypeOf<Cart>()
    this.record({ type: 'ItemAdded', data: { sku } })
    // @ts-expect-error a field is missing
    this.record({ type: 'ItemAdded', data: {} })
    // @ts-expect-error the event is not defined
    this.record({ type: 'ItemLost', data: { sku } })
  }
}
const baskets = repository(store, Basket)
expectTypeOf(baskets.load('7')).resolves.toEqualTypeOf<Basket>()
baskets.execute('7', (basket) => basket.add('tea'))
// @ts-expect-error there is no such method
baskets.execute('7', (basket) => basket.remove('tea'))
// @ts-expect-error only methods record
new Basket().record({ type: 'ItemAdded', data: { sku: 'tea' } })
