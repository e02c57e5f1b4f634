import { deepEqual, equal, ok, rejects, throws } from 'node:assert/strict'
import { SpanKind, SpanStatusCode, trace } from '@opentelemetry/api'
import type { ReadableSpan } from '@opentelemetry/sdk-trace-base'
import { describe, it } from 'vitest'
import { serverConfig } from '../../../server/src/config.ts'
import { startServer } from '../../../server/src/server.ts'
import { starting, until } from '../../../test/projections/stock.ts'
import { recordedSpans } from '../../../test/recorded-spans.ts'
import { defineDecider } from '../deciders/decider.ts'
import { execute } from '../deciders/execute.ts'
import { memory } from '../engines/memory/index.ts'
import type { EventStore } from '../event-store.ts'
import type { Tracer } from '../model/tracer.ts'
import { openStore } from '../open-store.ts'
import { project } from '../projections/project.ts'
import { defineProjection, type Projection } from '../projections/projection.ts'
import { runProjections } from '../projections/run-projections.ts'
import { memoryTarget } from '../projections/targets/memory.ts'
import { react } from '../reactions/react.ts'
import { defineReaction } from '../reactions/reaction.ts'
import { connect } from '../remote/connect.ts'
import { defineEvents, event } from '../schema/events.ts'
import { correlate } from '../streams/causation.ts'

const { tracer: otel, spans, forget } = recordedSpans()
/** The tracer of the API is one of ours, as it is. */
const tracer: Tracer = otel

const placed = { type: 'OrderPlaced', data: {} }
const only = (name: string): ReadableSpan => {
  const [span, ...more] = spans(name)
  ok(span !== undefined && more.length === 0, `there are ${more.length + (span ? 1 : 0)} spans ${name}`)
  return span
}
const parentOf = (span: ReadableSpan): string | undefined => span.parentSpanContext?.spanId
const idOf = (span: ReadableSpan): string => span.spanContext().spanId
const linkedTo = (span: ReadableSpan): readonly string[] => span.links.map((link) => link.context.spanId)
const traceparentsIn = async (store: EventStore): Promise<readonly unknown[]> =>
  (await store.readAll().toArray()).map(({ metadata }) => metadata.traceparent)

/** Does something in a span of the application. */
const request = <Result>(run: () => Promise<Result>): Promise<Result> =>
  otel.startActiveSpan('request', async (span) => {
    try {
      return await run()
    } finally {
      span.end()
    }
  })

describe('a store with a tracer', () => {
  it('appends in a span below the active one, which the events carry', async () => {
    await using store = openStore({ engine: memory(), tracer })
    await request(() => correlate({ correlationId: 'req-1' }, () => store.append('Order-1', [placed, placed])))
    const span = only('varve.append')
    equal(parentOf(span), idOf(only('request')))
    equal(span.kind, SpanKind.PRODUCER)
    deepEqual(span.attributes, {
      ...{ 'varve.stream': 'Order-1', 'varve.events': 2, 'varve.correlation_id': 'req-1' },
      ...{ 'varve.position': 2, 'varve.idempotent': false },
    })
    const { traceId, spanId } = span.spanContext()
    const traceparent = `00-${traceId}-${spanId}-01`
    deepEqual(await traceparentsIn(store), [traceparent, traceparent])
  })

  it('leaves events alone that carry a span already, and metadata that is bytes', async () => {
    await using store = openStore({ engine: memory(), tracer })
    const traceparent = `00-${'a'.repeat(32)}-${'b'.repeat(16)}-00`
    await store.append('Order-1', [{ ...placed, metadata: { traceparent } }])
    await store.append('Order-1', [{ ...placed, metadata: new Uint8Array([1]) }])
    deepEqual(await traceparentsIn(store), [traceparent, undefined])
  })

  it('commits in a trace of its own, linked to the appends that it carries, and reads in spans', async () => {
    await using store = openStore({ engine: memory(), tracer })
    await request(() => Promise.all(['Order-1', 'Order-2'].map((stream) => store.append(stream, [placed]))))
    const commit = only('varve.commit')
    equal(parentOf(commit), undefined)
    deepEqual(linkedTo(commit), spans('varve.append').map(idOf))
    deepEqual(commit.attributes, { 'varve.engine': 'memory', 'varve.appends': 2, 'varve.events': 2 })
    forget()
    await request(() => store.readStream('Order-1').toArray())
    equal(parentOf(only('varve.read')), idOf(only('request')))
    equal(only('varve.read').attributes['varve.stream'], 'Order-1')
  })

  it('names streams and refusals of an append to several', async () => {
    await using store = openStore({ engine: memory(), tracer })
    const writes = ['Order-1', 'Order-2'].map((streamId) => ({ streamId, events: [placed], expectedVersion: 7 }))
    await rejects(store.appendAll(writes), { code: 'VERSION_CONFLICT' })
    const { attributes, status, events } = only('varve.append')
    deepEqual(attributes['varve.streams'], ['Order-1', 'Order-2'])
    equal(attributes['error.type'], 'VERSION_CONFLICT')
    equal(status.code, SpanStatusCode.ERROR)
    equal(events[0]?.name, 'exception')
  })

  it('refuses bad arguments as a store without one does', async () => {
    await using store = openStore({ engine: memory(), tracer })
    for (const events of [undefined, [null], 7, [{ type: '' }], [{ ...placed, metadata: 7 }]] as never[]) {
      await rejects(store.append('Order-1', events), { code: 'INVALID_ARGUMENT' })
    }
    for (const writes of [undefined, [null], [{ streamId: Symbol('x'), events: [placed] }]] as never[]) {
      await rejects(store.appendAll(writes), { code: 'INVALID_ARGUMENT' })
    }
    throws(() => openStore({ engine: memory(), tracer: {} as never }), { code: 'INVALID_ARGUMENT', argument: 'tracer' })
  })

  it('stores nothing where the tracer does nothing, nor where there is none', async () => {
    for (const options of [{ tracer: trace.getTracer('nobody registered one') }, {}]) {
      await using store = openStore({ engine: memory(), ...options })
      await store.append('Order-1', [placed])
      deepEqual(
        await store
          .readAll()
          .first()
          .then((first) => first?.rawMetadata),
        '{}',
      )
    }
  })
})

describe('a command on a store with a tracer', () => {
  const cart = defineDecider({
    events: defineEvents({ ItemAdded: event<{ sku: string }>() }),
    initialState: () => ({ items: 0 }),
    decide: (command: { add: string }) => ({ type: 'ItemAdded', data: { sku: command.add } }),
    evolve: (state) => ({ items: state.items + 1 }),
  })

  it('keeps to its own trace, also where it shares an append with those of others', async () => {
    await using store = openStore({ engine: memory(), tracer })
    const add = (sku: string) =>
      request(() => execute(store, { decider: cart, streamId: 'Cart-7', command: { add: sku } }))
    await Promise.all(['tea', 'mug', 'pot'].map(add))
    const commands = spans('varve.execute')
    deepEqual(commands.map(parentOf).sort(), spans('request').map(idOf).sort())
    const ofEvents = (await traceparentsIn(store)).map((traceparent) => String(traceparent).split('-')[2])
    deepEqual(ofEvents, commands.map(idOf))
    const append = only('varve.append')
    deepEqual([parentOf(append), linkedTo(append)], [undefined, ofEvents])
  })

  it('appends below itself when it is alone', async () => {
    await using store = openStore({ engine: memory(), tracer })
    await request(() =>
      execute(store, { decider: cart, streamId: 'Cart-7', command: { add: 'tea' } }, { commandId: 'c-1' }),
    )
    const command = only('varve.execute')
    equal(parentOf(only('varve.append')), idOf(command))
    equal(command.attributes['varve.command_id'], 'c-1')
    deepEqual(
      ['version', 'events', 'attempts', 'idempotent'].map((name) => command.attributes[`varve.${name}`]),
      [1, 1, 1, false],
    )
  })
})

describe('a projection', () => {
  const start = starting()
  const handling = (failing: boolean): Projection<string[]> =>
    defineProjection({
      name: 'seen',
      events: defineEvents({ OrderPlaced: event<object>() }),
      target: memoryTarget<string[]>(() => []),
      on: {
        OrderPlaced: (seen, { id }) =>
          otel.startActiveSpan('handler', (span) => {
            seen.push(id)
            span.end()
            if (failing) throw new RangeError('no')
          }),
      },
    })

  it('goes on with the traces of its events: each batch is linked to the appends that they come from', async () => {
    await using store = openStore({ engine: memory(), tracer })
    const place = (stream: string) =>
      correlate({ correlationId: 'req-1' }, () => store.append(stream, [placed, placed]))
    await request(() => place('Order-1'))
    const { position } = await request(() => place('Order-2'))
    await start(store, handling(false)).waitFor('seen', position)
    const batch = only('varve.project seen')
    deepEqual([parentOf(batch), batch.kind, batch.status.code], [undefined, SpanKind.CONSUMER, SpanStatusCode.UNSET])
    deepEqual(linkedTo(batch), spans('varve.append').map(idOf))
    deepEqual(batch.links[0]?.attributes, { 'varve.correlation_id': 'req-1' })
    deepEqual(batch.attributes, {
      ...{ 'varve.projection': 'seen', 'varve.generation': 1, 'varve.partition': 1 },
      ...{ 'varve.events': 4, 'varve.position': 4, 'varve.correlation_id': 'req-1' },
    })
    deepEqual(new Set(spans('handler').map(parentOf)), new Set([idOf(batch)]))
  })

  it('says in the span what a handler threw', async () => {
    await using store = openStore({ engine: memory(), tracer })
    await store.append('Order-1', [placed])
    start(store, handling(true))
    await until(() => spans('varve.project seen').length > 0)
    const { status, attributes } = only('varve.project seen')
    deepEqual([status.code, status.message, attributes['error.type']], [SpanStatusCode.ERROR, 'no', 'RangeError'])
  })

  it('has no spans where the store has no tracer and it is given none, and takes one of its own', async () => {
    await using store = openStore({ engine: memory() })
    const { position } = await store.append('Order-1', [placed])
    await start(store, handling(false)).waitFor('seen', position)
    deepEqual(spans('varve.project seen'), [])
    await using other = openStore({ engine: memory() })
    await other.append('Order-1', [placed])
    await start(other, handling(false), { tracer }).waitFor('seen', position)
    deepEqual(linkedTo(only('varve.project seen')), [])
    throws(() => runProjections(store, [handling(false)], { tracer: 7 as never }), { argument: 'tracer' })
    throws(() => project(store, handling(false), { tracer: 7 as never }), { argument: 'tracer' })
  })

  it('goes on with the traces of its events when `project` runs it, and says what a handler threw', async () => {
    await using store = openStore({ engine: memory(), tracer })
    const { position } = await request(() => store.append('Order-1', [placed]))
    await using running = project(store, handling(false))
    await running.waitFor(position)
    const batch = only('varve.project seen')
    deepEqual([parentOf(batch), linkedTo(batch)], [undefined, spans('varve.append').map(idOf)])
    deepEqual(batch.attributes, { 'varve.projection': 'seen', 'varve.events': 1, 'varve.position': 1 })
    await rejects(project(store, handling(true)).done, { code: 'PROJECTION_FAILED' })
    equal(spans('varve.project seen').at(-1)?.attributes['error.type'], 'PROJECTION_FAILED')
  })
})

describe('a reaction', () => {
  const reminders = (send: () => Promise<void>) =>
    defineReaction({
      name: 'reminders',
      events: defineEvents({ OrderPlaced: event<object>() }),
      on: { OrderPlaced: () => ({ send: { remind: true }, deadlines: { late: { afterMs: 1 } } }) },
      onDeadline: { late: () => ({ send: { remind: true } }) },
      send,
    })

  it('goes on with the trace of its event, and what it sends is below it', async () => {
    await using store = openStore({ engine: memory(), tracer })
    const send = () => otel.startActiveSpan('sending', async (span) => span.end())
    await using running = react(store, reminders(send))
    await request(() => store.append('Order-1', [placed]))
    await until(() => spans('varve.react reminders').length === 2)
    await running.stop()
    const [decided, due] = spans('varve.react reminders')
    deepEqual([decided && linkedTo(decided), due && linkedTo(due)], [spans('varve.append').map(idOf), []])
    deepEqual([decided?.attributes['varve.position'], due?.attributes['varve.deadline']], [1, 'late'])
    deepEqual(spans('sending').map(parentOf), spans('varve.react reminders').map(idOf))
  })
})

describe('the shelf', () => {
  it('is used in spans below the active one, each with the key that the engine keeps it under', async () => {
    await using store = openStore({ engine: memory(), tracer })
    await request(async () => {
      await store.shelf.put('a/1', 7)
      await store.shelf.get('a/1')
      await store.shelf.list({ prefix: 'a/' }).toArray()
      await store.shelf.delete('a/1')
    })
    const above = idOf(only('request'))
    for (const verb of ['put', 'get', 'delete']) {
      const span = only(`varve.shelf.${verb}`)
      deepEqual([parentOf(span), span.attributes['varve.key'], span.kind], [above, 'value/a/1', SpanKind.CLIENT])
    }
    equal(only('varve.shelf.list').attributes['varve.prefix'], 'value/a/')
  })
})

it('is taken by the client of a server, whose events carry the span to wherever they are handled', async () => {
  await using server = await startServer(serverConfig({ store: 'memory:', port: 0, logLevel: 'silent' }))
  await using store = await connect({ url: server.url, tracer })
  await request(() => store.append('Order-1', [placed]))
  const span = only('varve.append')
  equal(parentOf(span), idOf(only('request')))
  deepEqual(await traceparentsIn(store), [`00-${span.spanContext().traceId}-${idOf(span)}-01`])
})
