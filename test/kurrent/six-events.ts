import type { KurrentDBClient } from '@kurrent/kurrentdb-client'
import { appendTo, jsonEvent, placed } from './talk.ts'

/** Six events in four streams, at positions 1 to 6. */
export async function fill(client: KurrentDBClient): Promise<void> {
  await appendTo(client, 'Order-1', placed(2))
  await appendTo(client, 'Customer-1', jsonEvent('Registered', {}))
  await client.setStreamMetadata('Order-1', { maxAge: 1_000 })
  await appendTo(client, 'Order-2', [jsonEvent('Placed', {}), jsonEvent('Paid', {})])
}

/** The events, in their order. */
export const everything = [
  'Order-1/0 Placed',
  'Order-1/1 Placed',
  'Customer-1/0 Registered',
  '$$Order-1/0 $metadata',
  'Order-2/0 Placed',
  'Order-2/1 Paid',
]

/** A position as clients give it. */
export function at(position: bigint): { readonly commit: bigint; readonly prepare: bigint } {
  return { commit: position, prepare: position }
}
