// A change that stored events would not survive is refused before it is released. Run with: node examples/12-schema-lock.ts
// On the command line: varve schema lock src/events.ts, and in CI: varve schema check src/events.ts
import assert from 'node:assert/strict'
import { checkSchemas, defineEvents, lockSchemas } from 'varve'
import { z } from 'zod'

// Released, locked and committed.
const released = defineEvents({ OrderPlaced: z.object({ customer: z.string(), total: z.number() }) })
const lock = lockSchemas(released)

// A month later somebody renames a field and makes amounts whole. Events that are stored have neither.
const careless = defineEvents({ OrderPlaced: z.object({ customerId: z.string(), total: z.int() }) })
const findings = checkSchemas(careless, lock)
assert.deepEqual(
  findings.map(({ kind, path }) => [kind, path]),
  [
    ['field_renamed', '$.customer'],
    ['narrowed', '$.total'],
  ],
)
for (const { eventType, path, says } of findings) console.log(`${eventType} ${path}: ${says}.`)

// The same change as a version of its own, with a step up for what is stored.
const careful = defineEvents({
  OrderPlaced: {
    schema: z.object({ customerId: z.string(), total: z.int() }),
    version: 2,
    upcast: {
      1: ({ customer, total }: { customer: string; total: number }) => ({
        customerId: customer,
        total: Math.round(total),
      }),
    },
  },
})
const next = lockSchemas(careful, lock)
assert.deepEqual(checkSchemas(careful, next), [])
assert.deepEqual(Object.keys(next.events.OrderPlaced ?? {}), ['1', '2'])
