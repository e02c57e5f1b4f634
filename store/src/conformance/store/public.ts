import assert from 'node:assert/strict'
import { setTimeout as delay } from 'node:timers/promises'
import type { EventStore } from '../../event-store.ts'
import { isVarveError } from '../../model/errors.ts'
import type { NewEvent, RecordedEvent } from '../../model/event.ts'
import type { Query } from '../../model/query.ts'

/*
 * The public API in the words of the cases.
 */

/** An event whose payload counts. */
export function numbered(n: number, type = 'Happened'): NewEvent {
  return { type, data: { n } }
}

/** Several of them, from `first` on. */
export function numberedFrom(first: number, count: number): NewEvent[] {
  return Array.from({ length: count }, (_, index) => numbered(first + index))
}

/** The numbers that {@link numbered} events carry. */
export function numbersOf(events: readonly RecordedEvent[]): number[] {
  return events.map((event) => (event.data as { readonly n: number }).n)
}

/** The types of all events of a stream. */
export async function typesIn(store: EventStore, streamId: string): Promise<string[]> {
  return (await store.readStream(streamId).toArray()).map((event) => event.type)
}

/** The highest position of the log, however many shards it has. */
export async function headOf(store: EventStore): Promise<number> {
  return Math.max(...(await store.heads()))
}

/** All ids of the log, in order. */
export async function logIds(store: EventStore): Promise<string[]> {
  return (await store.readAll().toArray()).map((event) => event.id)
}

/**
 * Reads what a decision depends on, decides, and appends only if nothing newer matches; decides again when something does.
 * What `decide` throws is the decision's refusal and passes through.
 */
export async function decideOn(
  store: EventStore,
  query: Query,
  decide: (events: readonly RecordedEvent[]) => { readonly streamId: string; readonly event: NewEvent },
): Promise<void> {
  for (let attempt = 0; ; attempt++) {
    const events = await store.readAll({ filter: query }).toArray()
    const { streamId, event } = decide(events)
    const condition = { failIfMatch: query, after: events.at(-1)?.position ?? 0 }
    try {
      await store.append(streamId, [event], { condition })
      return
    } catch (error) {
      if (!isVarveError(error, 'CONDITION_FAILED') || attempt === 200) throw error
    }
  }
}

/** What a decision says when the rule it guards forbids it. */
export class Refused extends Error {}

/** Runs attempts at once and tells how many were accepted; refusals by the rule are expected, anything else is not. */
export async function acceptedOf(attempts: readonly Promise<void>[]): Promise<number> {
  const settled = await Promise.allSettled(attempts)
  for (const one of settled) if (one.status === 'rejected' && !(one.reason instanceof Refused)) throw one.reason
  return settled.filter((one) => one.status === 'fulfilled').length
}

/** Takes `count` items and leaves; fails when they do not come. */
export async function take<Item>(items: AsyncIterable<Item>, count: number): Promise<Item[]> {
  const taken: Item[] = []
  await within(`${count} items of a subscription`, async () => {
    if (count === 0) return
    for await (const item of items) if (taken.push(item) === count) return
  })
  return taken
}

const patienceMs = 30_000

/** Runs something that must come to an end, and says what did not when it takes too long. */
export async function within<Result>(what: string, run: () => Promise<Result>): Promise<Result> {
  const done = new AbortController()
  const deadline = delay(patienceMs, undefined, { signal: done.signal }).then(() =>
    assert.fail(`waited ${patienceMs} ms for ${what}`),
  )
  deadline.catch(() => undefined)
  try {
    return await Promise.race([run(), deadline])
  } finally {
    done.abort()
  }
}
