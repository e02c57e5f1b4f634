import { randomUUID } from 'node:crypto'
import type { NewEvent } from '../../store/src/model/event.ts'

/** Events per stream in every workload that does not say otherwise. */
export const eventsPerStream = 20

const categories = [
  'Order',
  'Payment',
  'Shipment',
  'Invoice',
  'Customer',
  'Product',
  'Basket',
  'Refund',
  'Stock',
  'Review',
]
const verbs = ['Opened', 'Changed', 'Confirmed', 'Rejected', 'Closed']

/** Payloads are drawn from a pool: making them is not what is measured, encoding them is. */
const payloads = Array.from({ length: 1_000 }, (_, number) => payload(number))

/** A payload of an ordinary business event: 350 bytes of JSON, within a few. */
function payload(number: number): Readonly<Record<string, unknown>> {
  return {
    order_id: `ord-${String(number).padStart(10, '0')}`,
    customer_id: randomUUID(),
    status: number % 3 === 0 ? 'confirmed' : 'submitted',
    currency: 'EUR',
    total_cents: 1_000 + ((number * 7_919) % 90_000),
    lines: [
      { sku: `sku-${number % 977}`, quantity: 1 + (number % 9), price_cents: 499 },
      { sku: `sku-${number % 733}`, quantity: 2, price_cents: 1_299 },
    ],
    address: { street: `${1 + (number % 200)} Harbour Road`, city: 'Rotterdam', postcode: '3011', country: 'NL' },
    note: 'leave with the neighbours',
  }
}

/** The stream an appender writes as its nth. */
export function streamName(run: string, appender: number, nth: number): string {
  return `${categories[(appender + nth) % categories.length]}-${run}-${appender}-${nth}`
}

/** The category that one tenth of all streams belong to. */
export const oneCategory = 'Order'

/** The type of one in ten of that category's events, and of nobody else's. */
export const oneType = 'OrderConfirmed'

/** The payload of the nth event of a run. */
export function payloadOf(nth: number): Readonly<Record<string, unknown>> {
  return payloads[nth % payloads.length] as Readonly<Record<string, unknown>>
}

/** The type of an event of a stream: the category and one of five verbs. */
export function typeOf(streamId: string, version: number): string {
  return streamId.slice(0, streamId.indexOf('-')) + verbs[version % verbs.length]
}

/** An event as a caller appends it. */
export function newEvent(streamId: string, version: number, nth: number): NewEvent {
  return { type: typeOf(streamId, version), data: payloadOf(nth) }
}

/** The same event as the JSON object that a plain log would write. */
export function jsonEvent(streamId: string, version: number, nth: number): string {
  return JSON.stringify({
    event_id: randomUUID(),
    stream_id: streamId,
    event_type: typeOf(streamId, version),
    version,
    data: payloadOf(nth),
  })
}
