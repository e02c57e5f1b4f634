import { defineEvents, event } from '../../store/src/schema/events.ts'

/** What is told to a process of the chaos test. */
export interface ChaosOrder {
  readonly url: string
  readonly readModelPath: string
  readonly name: string
}

/** What is appended; poison is what nobody can handle. */
export const chaosEvents = defineEvents({ Noted: event<{ nth: number; isPoison: boolean }>() })

/** How long a process may be silent before the others take over from it, in milliseconds. */
export const leaseMs = 2_000

/** The consumer groups, by name; one keeps the events of a stream in order, one does not. */
export const groups = ['in-order', 'spread'] as const

/** Thrown by handlers for an event that nobody can handle. */
export class Poisoned extends Error {
  constructor() {
    super('nobody can handle this')
    this.name = 'Poisoned'
  }
}
