import * as v from 'valibot'
import { defineEvents, event, type InputOf, type StoredOf } from 'varve'
import { expectTypeOf } from 'vitest'
import { z } from 'zod'

interface Registered {
  readonly customerId: string
  readonly name: string
  readonly email: string | null
  readonly born?: Date
  readonly address: { readonly city: string }
}

// A placeholder is what could be stored in the field's place.
const events = defineEvents({
  CustomerRegistered: event<Registered>({
    personal: {
      subject: (data) => {
        expectTypeOf(data.born).toEqualTypeOf<string | undefined>()
        return data.customerId
      },
      fields: { name: '[erased]', email: null, born: undefined, address: { city: '' } },
    },
  }),
  CustomerMoved: {
    schema: z.object({ customerId: z.string(), city: z.string(), since: z.int().default(0) }),
    version: 2,
    upcast: { 1: (data) => data },
    personal: { subject: (data) => data.customerId, fields: { city: '[erased]' } },
  },
  MessageSent: event<{ from: string; to: string; senderName: string; receiverName: string }>({
    personal: [
      { subject: ({ from }) => from, fields: { senderName: '' } },
      { subject: ({ to }) => to, fields: { receiverName: '' } },
    ],
  }),
  Plain: { schema: v.object({ a: v.string() }), version: 2 },
})
expectTypeOf<InputOf<(typeof events)['CustomerMoved']>>().toEqualTypeOf<{
  customerId: string
  city: string
  since?: number | undefined
}>()
expectTypeOf<StoredOf<(typeof events)['Plain']>>().toEqualTypeOf<{ a: string }>()

event<Registered>({
  // @ts-expect-error the placeholder is of another type than the field
  personal: { subject: (data) => data.customerId, fields: { name: 0 } },
})
event<Registered>({
  // @ts-expect-error the field may not be left out
  personal: { subject: (data) => data.customerId, fields: { name: undefined } },
})
event<Registered>({
  // @ts-expect-error there is no such field
  personal: { subject: (data) => data.customerId, fields: { phone: '' } },
})
event<Registered>({
  // @ts-expect-error whose it is has to be said
  personal: { fields: { name: '' } },
})
event<Registered>({
  // @ts-expect-error a subject is a text
  personal: { subject: (data) => data.address, fields: { name: '' } },
})
const moved = z.object({ customerId: z.string(), city: z.string() })
defineEvents({
  // @ts-expect-error the placeholder is of another type than the field
  Moved: { schema: moved, personal: { subject: ({ customerId }) => customerId, fields: { city: 0 } } },
})
defineEvents({
  // @ts-expect-error there is no such field
  Moved: { schema: moved, personal: { subject: ({ customerId }) => customerId, fields: { street: '' } } },
})
defineEvents({
  // @ts-expect-error whose it is has to be said
  Moved: { schema: moved, personal: { fields: { city: '' } } },
})
defineEvents({
  // @ts-expect-error there is no such field to take the subject from
  Moved: { schema: moved, personal: { subject: ({ userId }) => userId, fields: { city: '' } } },
})
