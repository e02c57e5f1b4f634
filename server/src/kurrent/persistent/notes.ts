import type { FilterText } from '../streams/event-filter.ts'
import type { SubscriptionSettings } from './settings.ts'
import type { SubscriptionName } from './subscription-name.ts'

/**
 * What a consumer group keeps of the subscription that it is: in one entry with where it stands, so that the two never
 * disagree.
 */
export interface Notes {
  /** Null for all streams. */
  readonly stream: string | null
  readonly group: string
  readonly filter: FilterText | null
  /** Where it begins, as clients are told: `3`, `C:7/P:7`, -1 for the end. */
  readonly startFrom: string
  readonly settings: SubscriptionSettings
  /** Another one for each subscription that is created, and each time one is changed. */
  readonly created: string
  readonly changed: string
}

/** Notes as a group keeps them. */
export function keptNotes(notes: Notes): unknown {
  return { kurrent: notes }
}

/** The notes of a group; undefined of one that is no persistent subscription. */
export function notesIn({ notes }: { readonly notes: unknown }): Notes | undefined {
  return (notes as { readonly kurrent?: Notes } | undefined)?.kurrent
}

/** The name of the subscription. */
export function nameOf({ stream, group }: Notes): SubscriptionName {
  return { stream: stream ?? undefined, group }
}
