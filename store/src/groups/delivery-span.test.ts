import { deepEqual, equal, rejects, throws } from 'node:assert/strict'
import { AsyncLocalStorage } from 'node:async_hooks'
import { SpanKind, SpanStatusCode } from '@opentelemetry/api'
import type { ReadableSpan } from '@opentelemetry/sdk-trace-base'
import { describe, expect, it } from 'vitest'
import { recordedSpans } from '../../../test/recorded-spans.ts'
import { memory } from '../engines/memory/index.ts'
import type { EventStore } from '../event-store.ts'
import { openStore } from '../open-store.ts'
import { defineEvents, event } from '../schema/events.ts'
import { correlate } from '../streams/causation.ts'
import { createGroup } from './admin.ts'
import { consume } from './consume.ts'
import type { Delivery } from './delivery.ts'
import { type GroupConsumer, type JoinGroupOptions, joinGroup } from './join-group.ts'

const { tracer, spans } = recordedSpans()
const placed = { type: 'OrderPlaced', data: {} }
const idOf = (span: ReadableSpan | undefined): string | undefined => span?.spanContext().spanId
const parentOf = (span: ReadableSpan | undefined): string | undefined => span?.parentSpanContext?.spanId
const consumed = (): ReadableSpan | undefined => spans('varve.consume mailer')[0]

describe('a delivery of a store with a tracer', () => {
  it('is a trace of its own from handed out to acknowledged, linked to the append', async () => {
    await using store = openStore({ engine: memory(), tracer })
    await correlate({ correlationId: 'req-1' }, () => store.append('Order-1', [placed]))
    await using consumer = await joined(store, { name: 'one' })
    const delivery = await tracer.startActiveSpan('loop', () => nextOf(consumer))
    deepEqual(spans('varve.consume mailer'), [])
    await delivery.ack()
    const span = consumed()
    deepEqual([parentOf(span), span?.kind, span?.status.code], [undefined, SpanKind.CONSUMER, SpanStatusCode.UNSET])
    deepEqual(
      span?.links.map(({ context: { spanId } }) => spanId),
      spans('varve.append').map(idOf),
    )
    deepEqual(span?.attributes, {
      ...{ 'varve.group': 'mailer', 'varve.consumer': 'one', 'varve.position': 1, 'varve.attempt': 1 },
      ...{ 'varve.correlation_id': 'req-1', 'varve.said': 'ack' },
    })
  })

  it('has below it what is done in `run`, and what is appended there is caused by its event', async () => {
    await using store = openStore({ engine: memory(), tracer })
    const { id } = await placedIn(store)
    await using consumer = await joined(store)
    const delivery = await nextOf(consumer)
    const caller = { correlationId: 'req-2', userId: 'ada' }
    await correlate(caller, () => delivery.run(() => store.append('Mail-1', [{ type: 'MailSent', data: {} }])))
    await delivery.ack({ until: 'saved' })
    equal(parentOf(spans('varve.append').at(-1)), idOf(consumed()))
    const { metadata } = (await store.readStream('Mail-1').first()) ?? {}
    deepEqual([metadata?.causationId, metadata?.correlationId, metadata?.userId], [id, id, 'ada'])
  })

  it('runs in the context in which the event was taken', async () => {
    await using store = openStore({ engine: memory(), tracer })
    await placedIn(store)
    await using consumer = await joined(store)
    const worker = new AsyncLocalStorage<string>()
    const delivery = await worker.run('first', () => nextOf(consumer))
    equal(
      worker.run('second', () => delivery.run(() => worker.getStore())),
      'first',
    )
  })

  it('says what its work threw, also at once, and why it is to come again', async () => {
    await using store = openStore({ engine: memory(), tracer })
    await placedIn(store)
    await using consumer = await joined(store)
    const delivery = await nextOf(consumer)
    await rejects(
      delivery.run(async () => Promise.reject(new RangeError('no'))),
      RangeError,
    )
    const thrown = (): never => {
      throw new TypeError('never')
    }
    throws(() => delivery.run(thrown), TypeError)
    await delivery.nack('retry', { reason: 'the mail server is away', delayMs: 60_000 })
    await delivery.ack().catch(() => undefined)
    const { status, attributes, events } = consumed() ?? {}
    deepEqual(status, { code: SpanStatusCode.ERROR, message: 'the mail server is away' })
    deepEqual([attributes?.['varve.said'], events?.length], ['retry', 2])
  })

  it.each(['skip', 'park', 'stop'] as const)('tells that the word was %s', async (action) => {
    await using store = openStore({ engine: memory(), tracer })
    await placedIn(store)
    await using consumer = await joined(store)
    await (await nextOf(consumer)).nack(action)
    equal(consumed()?.attributes['varve.said'], action)
    equal(consumed()?.status.code, action === 'skip' ? SpanStatusCode.UNSET : SpanStatusCode.ERROR)
  })

  it('ends with what was lost when its consumer leaves without a word', async () => {
    await using store = openStore({ engine: memory(), tracer })
    await placedIn(store)
    const consumer = await joined(store)
    const delivery = await nextOf(consumer)
    await consumer.close()
    deepEqual(
      [consumed()?.attributes['error.type'], consumed()?.attributes['varve.said']],
      ['DELIVERY_LOST', undefined],
    )
    await rejects(delivery.ack(), { code: 'DELIVERY_LOST' })
    equal(spans('varve.consume mailer').length, 1)
  })
})

describe('a delivery without a tracer of the store', () => {
  it('has no span, and its work is caused by its event in the context of its caller', async () => {
    await using store = openStore({ engine: memory() })
    const { id } = await placedIn(store)
    await using consumer = await joined(store)
    const delivery = await nextOf(consumer)
    await delivery.run(() => store.append('Mail-1', [{ type: 'MailSent', data: {} }]))
    await delivery.ack()
    equal((await store.readStream('Mail-1').first())?.metadata.causationId, id)
    deepEqual(spans(), [])
  })

  it('has one by the tracer that its consumer is given, also where it reads what events are today', async () => {
    await using store = openStore({ engine: memory() })
    await placedIn(store)
    await createGroup(store, 'mailer')
    const events = defineEvents({ OrderPlaced: event<object>() })
    for await (const delivery of consume(store, 'mailer', { tracer, events })) {
      await delivery.run(() => expect(delivery.events).toHaveLength(1))
      await delivery.ack()
      break
    }
    equal(spans('varve.consume mailer').length, 1)
    throws(() => joinGroup(store, 'mailer', { tracer: 7 as never }), { argument: 'tracer' })
  })
})

async function joined(store: EventStore, options: JoinGroupOptions = {}): Promise<GroupConsumer> {
  await createGroup(store, 'mailer', { filter: { types: ['OrderPlaced'] } })
  return joinGroup(store, 'mailer', options)
}

async function nextOf(consumer: GroupConsumer): Promise<Delivery> {
  const [delivery] = await consumer.take(1)
  return delivery ?? expect.fail('nothing was delivered')
}

async function placedIn(store: EventStore): Promise<{ readonly id: string }> {
  await store.append('Order-1', [placed])
  return (await store.readAll().first()) ?? expect.fail('nothing was appended')
}
