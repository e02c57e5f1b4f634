import { deepEqual, equal, notEqual, throws } from 'node:assert/strict'
import { describe, it } from 'vitest'
import { type IncomingEvents, type KafkaIncoming, writesOf } from './incoming.ts'

const message: KafkaIncoming = {
  ...{ topic: 'payments', partition: 3, offset: 42, key: '7', value: null, text: null, headers: {}, timestampMs: 0 },
}
const taken = { type: 'PaymentTaken', data: {} }

function idsOf(given: Partial<KafkaIncoming>, toEvents: IncomingEvents, topicId = 't-1'): (string | undefined)[] {
  const writes = writesOf({ message: { ...message, ...given }, topicId }, toEvents)
  return [...writes.values()].flat().map(({ id }) => id)
}

describe('what a message of Kafka is made into', () => {
  const two: IncomingEvents = () => [
    { streamId: 'Payment-7', ...taken },
    { streamId: 'Payment-8', ...taken },
  ]

  it('has ids that follow from topic, partition, offset and place, and from nothing else', () => {
    const ids = idsOf({}, two)
    deepEqual(idsOf({ key: '8', timestampMs: 1 }, two), ids)
    for (const other of [idsOf({ offset: 43 }, two), idsOf({ partition: 4 }, two), idsOf({}, two, 't-2')]) {
      for (const [index, id] of other.entries()) notEqual(id, ids[index])
    }
    equal(new Set(ids).size, 2)
  })

  it('keeps an id that it is given', () => {
    const id = '0198c6e2-5b1a-7c3e-8f00-3d1f2a4b5c6d'
    deepEqual(
      idsOf({}, () => ({ streamId: 'Payment-7', ...taken, id })),
      [id],
    )
  })

  it('is nothing where nothing is given, and refused where it names no stream', () => {
    deepEqual(
      idsOf({}, () => undefined),
      [],
    )
    throws(() => idsOf({}, () => taken as never), { code: 'INVALID_ARGUMENT', argument: 'toEvents' })
  })
})
