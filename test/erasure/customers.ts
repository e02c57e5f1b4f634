import { type Decider, defineDecider, defineEvents, event } from 'varve'

/** What a customer gives away, and when; the marketing people asked for the birthday. */
export interface Registered {
  readonly customerId: string
  readonly name: string
  readonly email: string | null
  readonly birthday?: string
}

/** Customers, one stream each, and what they say to each other. */
export const customerEvents = defineEvents({
  CustomerRegistered: event<Registered>({
    personal: {
      subject: ({ customerId }) => customerId,
      fields: { name: '[erased]', email: null, birthday: undefined },
    },
  }),
  CustomerMoved: event<{ customerId: string; address: { city: string } }>({
    personal: { subject: ({ customerId }) => customerId, fields: { address: { city: '[erased]' } } },
  }),
  CustomerPaid: event<{ cents: number }>(),
  MessageSent: event<{ from: string; to: string; fromName: string; toName: string }>({
    personal: [
      { subject: ({ from }) => from, fields: { fromName: '' } },
      { subject: ({ to }) => to, fields: { toName: '' } },
    ],
  }),
})

/** Ada, who is going to be forgotten. */
export const ada: Registered = { customerId: 'c-1', name: 'Ada Lovelace', email: 'ada@example.org' }

/** Grace, who stays. */
export const grace: Registered = { customerId: 'c-2', name: 'Grace Hopper', email: null, birthday: '1906-12-09' }

/** An event of {@link customerEvents}. */
export const registered = (data: Registered) => ({ type: 'CustomerRegistered' as const, data })

/** A state with personal data in it, and a snapshot of it after every second event. */
export const customer: Decider<typeof customerEvents, 'pay', { readonly name: string; readonly paid: number }> =
  defineDecider({
    events: customerEvents,
    initialState: () => ({ name: '', paid: 0 }),
    decide: () => ({ type: 'CustomerPaid' as const, data: { cents: 1 } }),
    evolve: (state, { type, data }) => {
      if (type === 'CustomerRegistered') return { ...state, name: data.name }
      return type === 'CustomerPaid' ? { ...state, paid: state.paid + 1 } : state
    },
    snapshot: { name: 'customer', everyEvents: 2 },
  })
