import { deepEqual, equal, rejects } from 'node:assert/strict'
import { it } from 'vitest'
import { onKurrent } from '../../../../test/kurrent/database.ts'
import { engineCases, runEngineCase } from '../../conformance/index.ts'
import { eventFor, land, read, request, wholeLog } from '../../conformance/port.ts'
import type { KurrentClient, KurrentPlace, KurrentResolved } from './driver.ts'
import { kurrentdb } from './index.ts'

/** Bytes of a record, as it were. */
const stride = 100n

/** As KurrentDB, whose positions count bytes: there are holes between them, and a read from inside of a hole fails. */
function countingBytes(client: KurrentClient): KurrentClient {
  return {
    appendRecords: (records, checks) => client.appendRecords(records, checks),
    appendToStream: (stream, event, options) => client.appendToStream(stream, event, options),
    setStreamMetadata: (stream, metadata) => client.setStreamMetadata(stream, metadata),
    readStream: (stream, options) => spread(client.readStream(stream, options)),
    readAll: (options) => spread(readable(client, options)),
    subscribeToAll: (options) => client.subscribeToAll(options),
    dispose: async () => undefined,
  }
}

async function* readable(client: KurrentClient, options: Parameters<KurrentClient['readAll']>[0]) {
  yield* client.readAll({ ...options, fromPosition: placeIn(options.fromPosition) })
}

function placeIn(place: KurrentPlace): KurrentPlace {
  if (typeof place === 'string') return place
  if (place.prepare % stride !== 0n) throw Object.assign(new Error('an invalid position'), { type: 'unknown' })
  return { commit: place.commit / stride, prepare: place.prepare / stride }
}

async function* spread(events: AsyncIterable<KurrentResolved>): AsyncGenerator<KurrentResolved> {
  for await (const resolved of events) {
    const { event } = resolved
    const { commit, prepare } = event?.position ?? { commit: 0n, prepare: 0n }
    yield {
      ...resolved,
      ...(event && { event: { ...event, position: { commit: commit * stride, prepare: prepare * stride } } }),
    }
  }
}

const aboutPlaces =
  /whole log, read (?:forward|backward) (?:from any event|in pages of 2,)|ends where the log|append is told/

onKurrent(({ client, freshNamespace }) => {
  it.each(engineCases().filter(({ name }) => aboutPlaces.test(name)))(
    'where positions count bytes, $name',
    async (one) => {
      const namespace = freshNamespace()
      const connect = () => kurrentdb({ client: countingBytes(client()), namespace })
      equal(await runEngineCase(one, () => ({ engine: connect(), reopen: connect })), undefined)
    },
  )

  it('reads from any number, however far from an event', async () => {
    const engine = kurrentdb({ client: countingBytes(client()), namespace: freshNamespace() })
    const events = ['a', 'b', 'c'].map((streamId) => eventFor(streamId))
    for (const event of events) await land(engine, event)
    const [first = 0, second = 0] = (await read(engine, wholeLog)).map(({ position }) => position)

    const between = Math.floor((first + second) / 2) + 7
    const after = await read(engine, wholeLog, { from: between })
    const before = await read(engine, wholeLog, { from: between, direction: 'backward' })

    deepEqual(
      [...after, ...before].map(({ streamId }) => streamId),
      ['b', 'c', 'a'],
    )
    await engine.close()
  })

  it('says of a server that cannot append with checks which one can', async () => {
    const unsupported = Object.assign(new Error('appendRecords requires server version 26.1'), { type: 'unsupported' })
    const old: KurrentClient = { ...countingBytes(client()), appendRecords: async () => Promise.reject(unsupported) }
    const engine = kurrentdb({ client: old, namespace: freshNamespace() })

    await rejects(engine.append([request([eventFor('Order-1')])]), {
      code: 'ENGINE_FAILED',
      message: /KurrentDB 26\.1/,
    })
    await engine.close()
  })

  it('is unavailable while there is no server', async () => {
    const engine = kurrentdb({ url: 'kurrentdb://127.0.0.1:1?tls=false&maxDiscoverAttempts=1' })
    await rejects(engine.head(), { code: 'ENGINE_UNAVAILABLE' })
    await rejects(engine.append([request([eventFor('Order-1')])]), { code: 'ENGINE_UNAVAILABLE' })
    await engine.close()
  })
})
