import { randomUUID } from 'node:crypto'
import { limits } from 'varve'
import { describe, expect, it } from 'vitest'
import { messagesIn } from '../../../../test/kurrent/raw-client.ts'
import { decoded, encoded, named, proposed } from '../../../../test/kurrent/streams-messages.ts'
import { openAccess } from '../../auth/access.ts'
import type { Call } from '../grpc/call.ts'
import { ProtoReader, varintTag } from '../protobuf/proto-reader.ts'
import { ProtoWriter } from '../protobuf/proto-writer.ts'
import { decodeAppend } from './append-request.ts'
import { encodeAppended, encodeWrongVersion } from './append-response.ts'
import { decodeBatch } from './batch-request.ts'
import { BatchResponses } from './batch-response.ts'
import { afterAll, type KurrentEvent } from './kurrent-event.ts'
import { decodeRead } from './read-request.ts'
import { ReadResponses } from './read-response.ts'

const id = '0198c6e2-5b1a-7c3e-8f00-ff1f2a4b5c6d'
const structured = { mostSignificantBits: '114856789012345678', leastSignificantBits: '-7' }

describe('numbers on the wire', () => {
  it.each([0, 1, 127, 128, 16_383, 16_384, 2 ** 31, 2 ** 32 - 1, 2 ** 32, 2 ** 40 + 5, Number.MAX_SAFE_INTEGER])(
    'are read as they were written: %i',
    (value) => {
      const writer = new ProtoWriter(8)
      writer.uint(varintTag(1), value)
      const bytes = writer.finish()
      const reader = new ProtoReader(bytes)
      expect([reader.tag(), reader.uint()]).toEqual([varintTag(1), value])
      const again = new ProtoReader(bytes, 1)
      expect(again.high() * 2 ** 32 + again.low).toBe(value)
    },
  )

  it.each([
    [0, 0],
    [0, 0x7f],
    [0, 0xffff_ffff],
    [1, 0],
    [0x7fff_ffff, 0xffff_ffff],
    [0xffff_ffff, 0xffff_ffff],
    [0x8000_0000, 1],
  ])('of 64 bits are read as they were written: %i, %i', (high, low) => {
    const writer = new ProtoWriter(1)
    writer.bits(varintTag(2), high, low)
    const reader = new ProtoReader(writer.finish())
    reader.tag()
    expect([reader.high(), reader.low]).toEqual([high, low])
  })

  it('beyond what a double holds are taken for the largest that it does', () => {
    const reader = new ProtoReader(encoded('Position', { commitPosition: '18446744073709551615' }))
    reader.tag()
    expect(reader.uint()).toBe(Number.MAX_SAFE_INTEGER)
  })
})

describe('requests', () => {
  it('of Append are read as a library writes them', () => {
    const options = { streamIdentifier: named('Größe-1'), revision: 7 }
    expect(decodeAppend(encoded('AppendReq', { options }))).toMatchObject({
      kind: 'options',
      options: { stream: 'Größe-1', expected: 7 },
    })
    const event = proposed(id, { data: Buffer.from([0, 255]), customMetadata: Buffer.from('ü') })
    expect(decodeAppend(encoded('AppendReq', { proposedMessage: event }))).toMatchObject({
      kind: 'event',
      event: { id, type: 'Placed', isJson: true, data: Buffer.from([0, 255]), customMetadata: Buffer.from('ü') },
    })
  })

  it.each([
    [{ noStream: {} }, 'no_stream'],
    [{ any: {} }, 'any'],
    [{ streamExists: {} }, 'stream_exists'],
    [{ revision: 0 }, 0],
  ])('of BatchAppend are read as a library writes them: %j', (expectation, expected) => {
    const request = {
      correlationId: { string: id },
      options: { streamIdentifier: named('Order-1'), ...expectation, deadline: { seconds: 3, nanos: 500_000_000 } },
      proposedMessages: [proposed(id), proposed(id.toUpperCase()), proposed(id, { id: { structured } })],
      isFinal: true,
    }
    const { options, events, ...rest } = decodeBatch(encoded('BatchAppendReq', request))
    expect(options).toEqual({ stream: 'Order-1', expected, deadline: { inMs: 3_500 } })
    expect(events.map((event) => event.id)).toEqual([id, id, '01980da4-1d1f-734e-ffff-fffffffffff9'])
    expect(rest).toMatchObject({ isFirst: true, isFinal: true, problem: undefined })
  })

  it('have deadlines that have passed', () => {
    const deadline2110_0 = { seconds: -1, nanos: 0 }
    const options = { streamIdentifier: named('Order-1'), any: {}, deadline_21_10_0: deadline2110_0, deadline2110_0 }
    const request = decodeBatch(encoded('BatchAppendReq', { correlationId: { string: id }, options }))
    expect(request.options?.deadline).toEqual({ atMs: -1_000 })
  })

  it('of Read are read as a library writes them', () => {
    const options = {
      stream: { streamIdentifier: named('Order-1'), revision: 5 },
      readDirection: 1,
      resolveLinks: true,
      count: '9007199254740993',
      noFilter: {},
      uuidOption: { structured: {} },
      controlOption: { compatibility: 1 },
    }
    expect(decodeRead(encoded('ReadReq', { options }))).toEqual({
      stream: 'Order-1',
      from: 5,
      direction: 'backward',
      resolveLinks: true,
      count: Number.MAX_SAFE_INTEGER,
      filter: undefined,
      uuidForm: 'structured',
      compatibility: 1,
    })
  })
})

describe('answers', () => {
  it('to Append are what a library reads', () => {
    expect(decoded('AppendResp', encodeAppended({ revision: 300, position: 2 ** 40 }))).toMatchObject({
      success: { currentRevision: 300, position: { commitPosition: 2 ** 40, preparePosition: 2 ** 40 } },
    })
    expect(decoded('AppendResp', encodeAppended({ revision: -1, position: undefined }))).toMatchObject({
      success: { noStream: {}, noPosition: {} },
    })
    const wrong = { kind: 'wrong_version', stream: 'Order-1' } as const
    expect(decoded('AppendResp', encodeWrongVersion({ ...wrong, expected: 3, actual: 5 }))).toMatchObject({
      wrongExpectedVersion: { currentRevision: 5, currentRevision_20: 5, expectedRevision: 3, expectedRevision_20: 3 },
    })
    expect(decoded('AppendResp', encodeWrongVersion({ ...wrong, expected: 'no_stream', actual: -1 }))).toMatchObject({
      wrongExpectedVersion: { currentNoStream: {}, expectedNoStream: {}, expectedRevision_20: 2 ** 64 },
    })
  })

  it('to BatchAppend are what a library reads, one behind the other', () => {
    const responses = new BatchResponses()
    const correlation = encoded('UUID', { string: id })
    responses.add(correlation, 'Größe-1', { revision: 4, position: 9 })
    const refusal = { kind: 'wrong_version', stream: 'Order-1', expected: 'stream_exists', actual: -1 } as const
    responses.add(correlation, 'Order-1', refusal)
    const [landed, refused] = messagesIn(responses.take()).map((message) => decoded('BatchAppendResp', message))
    expect(landed).toMatchObject({ correlationId: { string: id }, streamIdentifier: named('Größe-1') })
    expect(landed).toMatchObject({ success: { currentRevision: 4, position: { commitPosition: 9 } } })
    const typeUrl = 'type.googleapis.com/event_store.client.WrongExpectedVersion'
    expect(refused).toMatchObject({ error: { code: 6, details: { type_url: typeUrl } } })
    const { error } = refused as { error: { details: { value: Buffer } } }
    expect(decoded('WrongExpectedVersionDetail', error.details.value)).toMatchObject({
      currentNoStream: {},
      expectedStreamExists: {},
    })
    expect(responses.isEmpty).toBe(true)
  })

  it.each([0, 1, 100, 127, 128, 16_000, 16_384, 70_000, limits.eventBytes])(
    'to Read are what a library reads, with payloads of %i bytes',
    (bytes) => {
      const link = { ...event(bytes), stream: '$ce-Größe', type: '$>', data: '0@Größe-1', isJson: false }
      const [both, plain] = written((responses) => {
        responses.event({ event: event(bytes), link })
        responses.event({ event: { ...event(bytes), revision: afterAll, customMetadata: '', data: '' } })
      })
      const recorded = {
        id: { string: id },
        streamIdentifier: named('Größe-1'),
        streamRevision: 12,
        commitPosition: 2 ** 33,
        preparePosition: 2 ** 33,
        metadata: { type: 'Plàced', created: '17000000000010000', 'content-type': 'application/json' },
        customMetadata: Buffer.alloc(bytes, 1),
        data: Buffer.from('ü'.repeat(bytes / 2)),
      }
      const { data, customMetadata, ...rest } = (both as { event: { event: typeof recorded } }).event.event
      // Comparing a megabyte octet by octet takes the matcher seconds.
      expect([recorded.data.equals(data), recorded.customMetadata.equals(customMetadata)]).toEqual([true, true])
      expect({ ...rest, data: 0, customMetadata: 0 }).toMatchObject({ ...recorded, data: 0, customMetadata: 0 })
      expect(both).toMatchObject({
        event: { link: { metadata: { type: '$>', 'content-type': 'application/octet-stream' } } },
      })
      expect(plain).toMatchObject({ event: { event: { streamRevision: 2 ** 63, data: Buffer.alloc(0) }, link: null } })
    },
  )

  it('to Read tell where a subscription stands', () => {
    const [confirmed, checkpoint, lost, first, last, ofStream, ofNone, ofAll] = written((responses) => {
      responses.confirmation('abc')
      responses.checkpoint(7, 1_500)
      responses.streamNotFound('Größe')
      responses.firstStreamPosition(0)
      responses.lastStreamPosition(3)
      responses.caughtUp({ revision: 5 }, 1_500)
      responses.caughtUp({ revision: -1 }, 1_500)
      responses.caughtUp({ position: 8 }, 1_500)
    })
    const timestamp = { seconds: 1, nanos: 500_000_000 }
    expect(confirmed).toMatchObject({ confirmation: { subscriptionId: 'abc' } })
    expect(checkpoint).toMatchObject({ checkpoint: { commitPosition: 7, preparePosition: 7, timestamp } })
    expect(lost).toMatchObject({ streamNotFound: { streamIdentifier: named('Größe') } })
    expect([first?.firstStreamPosition, last?.lastStreamPosition]).toEqual([0, 3])
    expect(ofStream).toMatchObject({ caughtUp: { timestamp, streamRevision: 5 } })
    expect(ofNone).toMatchObject({ caughtUp: { streamRevision: -1 } })
    expect(ofAll).toMatchObject({ caughtUp: { position: { commitPosition: 8, preparePosition: 8 } } })
  })

  it('write ids as two numbers too', () => {
    for (let count = 0; count < 100; count++) {
      const one = count === 0 ? 'ffffffff-ffff-ffff-ffff-ffffffffffff' : randomUUID()
      const hex = one.replaceAll('-', '')
      const half = (from: number) => String(BigInt.asIntN(64, BigInt(`0x${hex.slice(from, from + 16)}`)))
      const id = encoded('UUID', { structured: { mostSignificantBits: half(0), leastSignificantBits: half(16) } })
      const [answer] = sent((responses) => responses.event({ event: { ...event(0), id: one } }), 'structured')
      expect(answer?.includes(id)).toBe(true)
    }
  })
})

function event(bytes: number): KurrentEvent {
  return {
    id,
    stream: 'Größe-1',
    revision: 12,
    position: 2 ** 33,
    type: 'Plàced',
    isJson: true,
    createdAtMs: 1_700_000_000_001,
    customMetadata: Buffer.alloc(bytes, 1),
    data: 'ü'.repeat(bytes / 2),
  }
}

/** The messages that are sent, as a library reads them. */
function written(write: (responses: ReadResponses) => unknown) {
  return sent(write, 'string').map((message) => decoded('ReadResp', message))
}

function sent(write: (responses: ReadResponses) => unknown, form: 'string' | 'structured'): readonly Buffer[] {
  const pieces: Uint8Array[] = []
  const { signal } = new AbortController()
  const call: Call = {
    headers: {},
    access: openAccess,
    peer: '127.0.0.1:50000',
    signal,
    acknowledge: () => undefined,
    batches: () => {
      throw new Error('Nothing is received.')
    },
    send: (frames) => {
      pieces.push(frames)
      return undefined
    },
  }
  const responses = new ReadResponses(call, form, signal, () => undefined)
  write(responses)
  void responses.send()
  return messagesIn(Buffer.concat(pieces))
}
