import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { connect } from 'node:http2'
import { performance } from 'node:perf_hooks'
import { framed, frameHeaderBytes } from '../../server/src/kurrent/grpc/frames.ts'
import { bytesTag, varintTag } from '../../server/src/kurrent/protobuf/proto-reader.ts'
import { ProtoWriter } from '../../server/src/kurrent/protobuf/proto-writer.ts'
import { writeUuid } from '../../server/src/kurrent/protobuf/uuid.ts'
import type { Measured } from '../harness/measured.ts'
import { processCosts } from '../harness/measured.ts'
import { rates } from './appenders.ts'
import { eventsPerStream, payloadOf, typeOf } from './events.ts'

/** What a run of appends is. */
export interface BareRun {
  /** Part of the names of its streams. */
  readonly run: string
  readonly appenders: number
  readonly forMs: number
  /** Appends that are made before the clock runs; no more can be sent. */
  readonly messages: number
}

/**
 * A client of KurrentDB that does as little as a client can: appends are encoded before they are needed, those that may be
 * sent go out in one write, and of an answer only the kind is looked at. What is measured with it is the server.
 */
export interface BareClient extends AsyncDisposable {
  /** One event each to streams of as many appenders, by one BatchAppend, each with its expected revision. */
  appends(run: BareRun): Promise<Measured>
}

/** Opens a connection with one call. */
export function connectBare(host: string): BareClient {
  const session = connect(`http://${host}`)
  const call = session.request({
    ...{ ':method': 'POST', ':path': '/event_store.client.streams.Streams/BatchAppend' },
    ...{ 'content-type': 'application/grpc', te: 'trailers' },
  })
  const answers = new Answers()
  call.on('data', (chunk: Buffer) => answers.take(chunk))

  async function appends({ run, appenders, forMs, messages }: BareRun): Promise<Measured> {
    const made = Array.from({ length: messages }, (_, nth) =>
      messageOf(run, nth % appenders, Math.floor(nth / appenders)),
    )
    const costs = processCosts()
    const startedAt = performance.now()
    answers.count = 0
    let sent = 0
    while (performance.now() - startedAt < forMs) {
      const due = made.slice(sent, answers.count + appenders)
      if (due.length > 0) call.write(Buffer.concat(due))
      sent += due.length
      await answers.next()
    }
    const events = answers.count
    const measured = rates(events, (performance.now() - startedAt) / 1_000, costs())
    while (answers.count < sent) await answers.next()
    return { ...measured, events }
  }

  return {
    appends,
    [Symbol.asyncDispose]: async () => {
      call.end()
      await once(call, 'close')
      session.close()
    },
  }
}

/** Where the kind of an answer stands, behind its correlation, which is a UUID as two numbers. */
const success = bytesTag(3)

/** Counts answers as they come in, cut anywhere. */
class Answers {
  count = 0
  #rest: Buffer = Buffer.alloc(0)
  #wake: (() => void) | undefined

  take(chunk: Buffer): void {
    let bytes = this.#rest.length === 0 ? chunk : Buffer.concat([this.#rest, chunk])
    while (bytes.length >= frameHeaderBytes && bytes.length >= frameHeaderBytes + bytes.readUInt32BE(1)) {
      // The correlation is the first field: its tag, its length, its bytes.
      const kind = bytes[frameHeaderBytes + 2 + (bytes[frameHeaderBytes + 1] as number)]
      if (kind !== success) throw new Error(`An append was refused: ${bytes.toString('latin1')}`)
      this.count++
      bytes = bytes.subarray(frameHeaderBytes + bytes.readUInt32BE(1))
    }
    this.#rest = bytes
    this.#wake?.()
  }

  next(): Promise<void> {
    return new Promise((resolve) => {
      this.#wake = resolve
    })
  }
}

const field = { correlation: bytesTag(1), options: bytesTag(2), event: bytesTag(3), isFinal: varintTag(4) } as const
const options = { stream: bytesTag(1), revision: varintTag(2), noStream: bytesTag(3), deadline: bytesTag(7) } as const
const proposed = { id: bytesTag(1), metadata: bytesTag(2), data: bytesTag(4) } as const

/** The nth append of an appender, which begins a stream after every twentieth. */
function messageOf(run: string, appender: number, nth: number): Buffer {
  const stream = `Order-${run}-${appender}-${Math.floor(nth / eventsPerStream)}`
  const version = nth % eventsPerStream
  const writer = new ProtoWriter()
  writeUuid(writer, field.correlation, randomId(), 'structured')
  const asked = writer.open(field.options)
  const name = writer.open(options.stream)
  writer.text(bytesTag(3), stream)
  writer.close(name)
  if (version === 0) writer.empty(options.noStream)
  else writer.uint(options.revision, version - 1)
  const deadline = writer.open(options.deadline)
  writer.uint(varintTag(1), 30)
  writer.close(deadline)
  writer.close(asked)
  const event = writer.open(field.event)
  writeUuid(writer, proposed.id, randomId(), 'structured')
  for (const [key, value] of [
    ['type', typeOf(stream, version)],
    ['content-type', 'application/json'],
  ] as const) {
    const entry = writer.open(proposed.metadata)
    writer.text(bytesTag(1), key)
    writer.text(bytesTag(2), value)
    writer.close(entry)
  }
  writer.bytes(proposed.data, Buffer.from(JSON.stringify(payloadOf(nth))))
  writer.close(event)
  writer.uint(field.isFinal, 1)
  return framed(writer.finish())
}

function randomId(): string {
  const hex = randomBytes(16).toString('hex')
  return [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20)].join('-')
}
