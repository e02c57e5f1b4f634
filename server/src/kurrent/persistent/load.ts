import { type EventStore, type GroupSummary, listGroups } from 'varve'
import { type Notes, notesIn } from './notes.ts'
import { doesNotExist } from './refusals.ts'
import { groupNameOf, groupPrefix, type SubscriptionName } from './subscription-name.ts'

/** A persistent subscription as it was last saved. */
export interface SavedSubscription {
  readonly notes: Notes
  readonly summary: GroupSummary
}

/**
 * A persistent subscription by its name.
 *
 * @throws CallFailed when there is none.
 */
export async function loadSubscription(
  store: EventStore,
  name: SubscriptionName,
  signal: AbortSignal,
): Promise<SavedSubscription> {
  const group = groupNameOf(name)
  const summary = await listGroups(store, { prefix: group, limit: 1, signal }).first()
  const notes = summary?.group === group ? notesIn(summary.settings) : undefined
  if (summary === undefined || notes === undefined) throw doesNotExist(name)
  return { notes, summary }
}

/** What a persistent subscription's group keeps of it. */
export async function loadNotes(store: EventStore, name: SubscriptionName, signal: AbortSignal): Promise<Notes> {
  return (await loadSubscription(store, name, signal)).notes
}

/** All persistent subscriptions. */
export async function* savedSubscriptions(store: EventStore, signal: AbortSignal): AsyncGenerator<SavedSubscription> {
  for await (const summary of listGroups(store, { prefix: groupPrefix, signal })) {
    const notes = notesIn(summary.settings)
    if (notes !== undefined) yield { notes, summary }
  }
}
