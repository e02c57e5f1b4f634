import { expect } from 'vitest'
import type { Random } from '../../store/src/conformance/seeded.ts'
import type { EventStore } from '../../store/src/event-store.ts'
import { appendSent } from './appends.ts'
import type { Acknowledged, Sent } from './journal.ts'
import { expectKept, expectStreamComplete, type Place, promisedPlaces, survivingEvents } from './surviving-events.ts'

/** What a life has left behind, and what was promised in it and before. */
export interface Life {
  readonly journal: readonly (Sent | Acknowledged)[]
  readonly promised: Map<string, Place>
  readonly random: Random
}

/** Checks everything after a life, then repeats what was under way and what was answered last. */
export async function surviveKill(
  store: EventStore,
  { journal, promised, random }: Life,
): Promise<{ readonly acknowledged: number; readonly unanswered: number; readonly committed: number }> {
  const { logShards } = store.capabilities
  const acknowledged = journal.filter((entry) => entry.kind === 'acknowledged')
  const answered = new Map(acknowledged.map((entry) => [entry.request, entry]))
  const requests = journal.filter((entry) => entry.kind === 'sent')
  for (const sent of requests) {
    const answer = answered.get(sent.request)
    if (answer !== undefined) for (const [id, place] of promisedPlaces(sent, answer, logShards)) promised.set(id, place)
  }
  const found = await survivingEvents(store)
  expectKept(promised, found)
  await expectStreamComplete(store, `Shared-${random.below(20)}`, found)

  const unanswered = requests.filter(({ request }) => !answered.has(request))
  const lastAnswered = requests.findLast(({ request }) => answered.has(request))
  let committed = 0
  for (const sent of [...unanswered, ...(lastAnswered === undefined ? [] : [lastAnswered])]) {
    const wasThere = sent.writes.every(({ ids }) => ids.every((id) => found.has(id)))
    const again = await appendSent(store, sent)
    expect(again.idempotent).toBe(wasThere)
    const places = promisedPlaces(sent, again, logShards)
    if (wasThere) expectKept(places, found)
    if (wasThere && sent !== lastAnswered) committed++
    for (const [id, place] of places) promised.set(id, place)
  }
  return { acknowledged: answered.size, unanswered: unanswered.length, committed }
}
