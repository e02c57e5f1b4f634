import { defineDecider, defineEvents, event } from 'varve'

/** What an hour of an airport's departures is told as. */
export const slotEvents = defineEvents({
  SlotGranted: event<{ flight: string }>(),
  SlotReturned: event<{ flight: string }>(),
})

/** A request about one hour of one airport. */
export interface SlotCommand {
  readonly kind: 'request' | 'return'
  readonly flight: string
}

/** The hour has no departure left. */
export class HourIsFull extends Error {
  constructor(flight: string, perHour: number) {
    super(`All ${perHour} departures of this hour are granted. Request another hour for flight ${flight}.`)
    this.name = 'HourIsFull'
  }
}

/**
 * The stream of one hour at one airport, as in `Slots-SFO-2001-01-01T08`: what the rule is about, and no more, so that
 * the stream stays short and nobody waits for another hour's decisions.
 */
export function slotsStream(airport: string, departure: string): string {
  return `Slots-${airport}-${departure.slice(0, 13)}`
}

/**
 * The rule: an airport grants at most `perHour` departures for one hour, and a flight holds one of them at most.
 * Two requests for the last slot are decided one after the other, however they race: one gets it.
 */
export function slotDecider(perHour: number) {
  return defineDecider({
    events: slotEvents,
    initialState: (): readonly string[] => [],
    decide: ({ kind, flight }: SlotCommand, granted) => {
      const holds = granted.includes(flight)
      if (kind === 'return') return holds ? { type: 'SlotReturned', data: { flight } } : []
      if (holds) return []
      if (granted.length >= perHour) throw new HourIsFull(flight, perHour)
      return { type: 'SlotGranted', data: { flight } }
    },
    evolve: (granted, { type, data }) =>
      type === 'SlotGranted' ? [...granted, data.flight] : granted.filter((flight) => flight !== data.flight),
  })
}
