import { randomUUID } from 'node:crypto'
import { once } from 'node:events'
import type { ClientHttp2Stream } from 'node:http2'
import { type Engine, memory } from 'varve'
import { afterEach, describe, expect, it } from 'vitest'
import { answerOf, frame, messagesIn, rawClient } from '../../../../test/kurrent/raw-client.ts'
import { decoded, encoded, named, proposed, streamsMethod } from '../../../../test/kurrent/streams-messages.ts'
import { serverConfig } from '../../config.ts'
import { startServer } from '../../server.ts'

/** What BatchAppend does beyond what official clients make it do. */

const ends: (() => unknown)[] = []

afterEach(async () => {
  for (const end of ends.splice(0).reverse()) await end()
})

describe('a call of BatchAppend', () => {
  it('has one answer to each append, and ends when the client does', async () => {
    const { stream, answers } = await opened()
    const ids = [randomUUID(), randomUUID(), randomUUID()]
    for (const id of ids) stream.write(part(id, { options: options(`Order-${id}`), isFinal: true }))
    const ended = answerOf(stream)
    stream.end()
    expect((await ended).status).toBe(0)
    expect(answers()).toMatchObject(ids.map((string) => ({ correlationId: { string } })))
  })

  it('takes parts of many appends between each other', async () => {
    const { stream, answers, server } = await opened()
    const ids = [randomUUID(), randomUUID()]
    for (const [index, id] of ids.entries())
      stream.write(part(id, { options: options(`Order-${index}`), isFinal: false }))
    for (let count = 0; count < 3; count++) for (const id of ids) stream.write(part(id, { isFinal: count === 2 }))
    await expect.poll(() => answers().length).toBe(2)
    expect(answers()).toMatchObject([{ success: { currentRevision: 3 } }, { success: { currentRevision: 3 } }])
    expect(await server.store.head()).toBe(8)
  })

  it('answers an append that is wrong once, passes over the rest of it, and goes on with the others', async () => {
    const { stream, answers } = await opened()
    const wrong = [
      { options: {} },
      { options: { streamIdentifier: named('Order-1') } },
      { options: { ...options('x'), streamIdentifier: { streamName: Buffer.from([0xff]) } } },
      { proposedMessages: [proposed('none')] },
      { proposedMessages: [proposed('00000000-0000-0000-0000-000000000000')] },
      { proposedMessages: [proposed(randomUUID(), { metadata: { type: 'Placed' } })] },
      { proposedMessages: [proposed(randomUUID(), { metadata: { type: '', 'content-type': 'application/json' } })] },
      { options: options('') },
      { options: options('x'.repeat(1_001)) },
    ]
    for (const more of wrong) {
      const id = randomUUID()
      stream.write(part(id, { options: options('Order-1'), isFinal: false, ...more }))
      stream.write(part(id, { isFinal: true }))
    }
    stream.write(part(randomUUID(), { options: options('Order-1'), isFinal: true }))
    await expect.poll(() => answers().length).toBe(wrong.length + 1)
    const typeUrl = 'type.googleapis.com/event_store.client.BadRequest'
    expect(answers().map(({ error }) => (error as { details?: object })?.details)).toMatchObject([
      ...wrong.map(() => ({ type_url: typeUrl })),
      undefined,
    ])
    expect(answers().at(-1)).toMatchObject({ success: { currentRevision: 0 } })
  })

  it('passes over parts that begin nothing', async () => {
    const { stream, answers } = await opened()
    stream.write(part(randomUUID(), { isFinal: true }))
    stream.write(part(randomUUID(), { options: options('Order-1'), isFinal: true }))
    await expect.poll(() => answers().length).toBe(1)
    expect(answers()).toMatchObject([{ success: { currentRevision: 0 } }])
  })

  it.each([
    ['a time', { deadline_21_10_0: { seconds: Math.floor(Date.now() / 1_000) - 5, nanos: 0 } }],
    ['a span', { deadline: { seconds: -1, nanos: 0 } }],
  ])('writes nothing whose deadline has passed: %s', async (_, deadline) => {
    const { stream, answers, server } = await opened()
    stream.write(part(randomUUID(), { options: { ...options('Order-1'), ...deadline }, isFinal: true }))
    await expect.poll(() => answers().length).toBe(1)
    expect(answers()).toMatchObject([{ error: { code: 4, details: { type_url: expect.stringContaining('Timeout') } } }])
    expect(await server.store.head()).toBe(0)
  })

  it('tells that time is up, when the last part does not come, or the commit does not end', async () => {
    const gate = Promise.withResolvers<void>()
    const inner = memory()
    const append: Engine['append'] = async (batch) => {
      await gate.promise
      return inner.append(batch)
    }
    const { stream, answers } = await opened({ ...inner, append })
    const soon = { deadline: { seconds: 0, nanos: 20_000_000 } }
    stream.write(part(randomUUID(), { options: { ...options('Order-1'), ...soon }, isFinal: false }))
    stream.write(part(randomUUID(), { options: { ...options('Order-2'), ...soon }, isFinal: true }))
    await expect.poll(() => answers().map(({ error }) => (error as { code: number }).code)).toEqual([4, 4])
    gate.resolve()
    stream.write(part(randomUUID(), { options: options('Order-3'), isFinal: true }))
    await expect.poll(() => answers().length).toBe(3)
  })

  it('answers what it was still waiting for when the client stops sending', async () => {
    const { stream, answers } = await opened()
    stream.write(part(randomUUID(), { options: options('Order-1'), isFinal: false }))
    const ended = answerOf(stream)
    stream.end()
    expect((await ended).status).toBe(0)
    expect(answers()).toMatchObject([{ error: { code: 3 } }])
  })

  it('refuses an append that grows beyond every bound before its last part', async () => {
    const { stream, answers } = await opened()
    const id = randomUUID()
    const large = { proposedMessages: [proposed(randomUUID(), { data: Buffer.alloc(1_000_000) })] }
    stream.write(part(id, { options: options('Order-1'), isFinal: false }))
    for (let count = 0; count < 40; count++) stream.write(part(id, { ...large, isFinal: false }))
    await expect.poll(() => answers().length).toBe(1)
    const typeUrl = 'type.googleapis.com/event_store.client.MaximumAppendSizeExceeded'
    expect(answers()).toMatchObject([{ error: { details: { type_url: typeUrl } } }])
  })

  it('ends when more is begun than anybody needs', async () => {
    const { stream } = await opened()
    const ended = answerOf(stream)
    for (let count = 0; count < 1_100; count++) {
      stream.write(part(randomUUID(), { options: options('Order-1'), isFinal: false }))
    }
    expect((await ended).status).toBe(8)
  })

  it('answers what is under way when the server shuts down, and then says so', async () => {
    const gate = Promise.withResolvers<void>()
    const entered = Promise.withResolvers<void>()
    const inner = memory()
    const append: Engine['append'] = async (batch) => {
      entered.resolve()
      await gate.promise
      return inner.append(batch)
    }
    const { stream, answers, server } = await opened({ ...inner, append })
    const ended = answerOf(stream)
    stream.write(part(randomUUID(), { options: options('Order-1'), isFinal: true }))
    await entered.promise
    const closed = server.close()
    gate.resolve()
    expect((await ended).status).toBe(14)
    expect(answers()).toMatchObject([{ success: { currentRevision: 0 } }])
    await closed
  })
})

async function opened(engine: Engine = memory()) {
  const server = await startServer(serverConfig({ store: 'memory:', port: 0, logLevel: 'silent' }), { engine })
  ends.push(() => server.close())
  const client = rawClient(server.url)
  ends.push(() => client.session.destroy())
  const stream: ClientHttp2Stream = client.open(streamsMethod('BatchAppend'))
  const received: Buffer[] = []
  stream.on('data', (chunk: Buffer) => received.push(chunk))
  await once(client.session, 'connect')
  const answers = () => messagesIn(Buffer.concat(received)).map((message) => decoded('BatchAppendResp', message))
  return { server, stream, answers }
}

function options(stream: string): object {
  return { streamIdentifier: named(stream), any: {} }
}

/** One part of an append, with an event. */
function part(correlation: string, more: object): Buffer {
  const request = { correlationId: { string: correlation }, proposedMessages: [proposed(randomUUID())], ...more }
  return frame(encoded('BatchAppendReq', request))
}
