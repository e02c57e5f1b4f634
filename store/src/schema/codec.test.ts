import { deepEqual, equal, match, throws } from 'node:assert/strict'
import { inspect } from 'node:util'
import fc from 'fast-check'
import { describe, it } from 'vitest'
import type { StoredEvent } from '../model/event.ts'
import { payloadBytes, samePayload, toBytes } from '../model/payload.ts'
import { decodeEvent, encodeData, storedMetadata } from './codec.ts'
import { fromEnvelope, newEventFrom, toEnvelope } from './envelope.ts'

function stored(fields: Partial<StoredEvent> = {}): StoredEvent {
  return {
    id: '0198c6e2-0000-7000-8000-000000000001',
    streamId: 'Order-1',
    type: 'OrderPlaced',
    version: 1,
    position: 42,
    schemaVersion: 1,
    contentType: 'application/json',
    data: '{"total":12}',
    metadataContentType: 'application/json',
    metadata: '{"correlation_id":"req-1","own":[1]}',
    tags: ['customer:1'],
    recordedAtMs: Date.UTC(2026, 0, 15, 10, 30),
    ...fields,
  }
}

describe('a recorded event', () => {
  it('parses its payload once, when it is first touched', () => {
    const event = decodeEvent(stored())
    equal(event.data, event.data)
    deepEqual(event.data, { total: 12 })
  })

  it('gives metadata its TypeScript names, the time, and unknown keys as they are', () => {
    deepEqual(decodeEvent(stored()).metadata, {
      correlationId: 'req-1',
      own: [1],
      timestamp: '2026-01-15T10:30:00.000Z',
    })
  })

  it('says which event is unreadable, and still gives its bytes', () => {
    const event = decodeEvent(stored({ data: '{"total":' }))
    throws(() => event.data, { code: 'PAYLOAD_UNREADABLE', eventId: event.id })
    equal(event.rawData, '{"total":')
  })

  it('reads metadata that is no JSON object as the time alone', () => {
    const timeOnly = { timestamp: '2026-01-15T10:30:00.000Z' }
    deepEqual(decodeEvent(stored({ metadata: '[1]' })).metadata, timeOnly)
    deepEqual(decodeEvent(stored({ metadata: 'oops' })).metadata, timeOnly)
    const bytes = { metadata: new Uint8Array([1]), metadataContentType: 'application/octet-stream' }
    deepEqual(decodeEvent(stored(bytes)).metadata, timeOnly)
  })

  it('shows payload and metadata when it is logged, parsed or not', () => {
    match(inspect(decodeEvent(stored())), /total: 12/)
    match(inspect(decodeEvent(stored({ data: 'oops' }))), /data: 'oops'/)
  })
})

describe('encoding a payload', () => {
  it('keeps bytes exactly and does not follow later changes of the caller', () => {
    const given = Buffer.from([0, 255, 10])
    const { payload, contentType } = encodeData(given, undefined, 'data')
    given.fill(7)
    deepEqual(payload, new Uint8Array([0, 255, 10]))
    equal(contentType, 'application/octet-stream')
  })

  it('refuses what has no JSON form, naming the argument', () => {
    const circular: Record<string, unknown> = {}
    circular.self = circular
    for (const value of [undefined, () => 1, Symbol('s'), 1n, circular]) {
      throws(() => encodeData(value, undefined, 'events[0].data'), {
        code: 'INVALID_ARGUMENT',
        argument: 'events[0].data',
      })
    }
  })

  it('refuses a value that is no bytes under a content type that is not JSON', () => {
    throws(() => encodeData('<a/>', 'text/xml', 'data'), { code: 'INVALID_ARGUMENT' })
  })

  it('leaves undefined metadata out', () => {
    equal(storedMetadata({ userId: undefined as unknown as string }), '{}')
  })
})

describe('an envelope', () => {
  it('is the documented JSON', () => {
    deepEqual(toEnvelope(decodeEvent(stored())), {
      event_id: '0198c6e2-0000-7000-8000-000000000001',
      stream_id: 'Order-1',
      event_type: 'OrderPlaced',
      version: 1,
      schema_version: 1,
      data: { total: 12 },
      metadata: { correlation_id: 'req-1', own: [1], timestamp: '2026-01-15T10:30:00.000Z' },
      tags: ['customer:1'],
      global_position: 42,
    })
  })

  it('gives back the exact bytes of any payload and metadata, through JSON text and through a new append', () => {
    const json = fc.json().map((text) => ({ payload: text as string | Uint8Array, contentType: 'application/json' }))
    const bytes = fc.uint8Array().map((payload) => ({ payload, contentType: 'application/octet-stream' }))
    const garbage = fc.string({ minLength: 1 }).map((payload) => ({ payload, contentType: 'application/json' }))
    const anyPayload = fc.oneof(json, bytes, garbage)
    fc.assert(
      fc.property(anyPayload, anyPayload, (data, metadata) => {
        const original = stored({
          data: data.payload,
          contentType: data.contentType,
          metadata: metadata.payload,
          metadataContentType: metadata.contentType,
        })
        const back = fromEnvelope(JSON.parse(JSON.stringify(toEnvelope(decodeEvent(original)))))
        equal(samePayload(back.rawData, original.data), true)
        equal(samePayload(back.rawMetadata, original.metadata), true)
        const again = newEventFrom(back)
        equal(samePayload(encodeData(again.data, again.contentType, 'data').payload, original.data), true)
      }),
    )
  })

  it('names the field that is wrong', () => {
    const good = toEnvelope(decodeEvent(stored()))
    const wrong: readonly [string, unknown][] = [
      ['event_id', 7],
      ['stream_id', ''],
      ['event_type', undefined],
      ['version', 0],
      ['global_position', 1.5],
      ['schema_version', -1],
      ['tags', 'a'],
      ['metadata', null],
      ['data', undefined],
    ]
    for (const [field, value] of wrong) {
      throws(() => fromEnvelope({ ...good, [field]: value }), {
        code: 'INVALID_ARGUMENT',
        argument: `envelope.${field}`,
      })
    }
    throws(() => fromEnvelope({ ...good, data_base64: 'not base64' }), { argument: 'envelope.data_base64' })
    throws(() => fromEnvelope({ ...good, metadata: { timestamp: 'soon' } }), {
      argument: 'envelope.metadata.timestamp',
    })
  })
})

describe('the size of a payload', () => {
  it('counts UTF-8 bytes', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme' }), (text) => {
        equal(payloadBytes(text), toBytes(text).byteLength)
      }),
    )
  })
})
