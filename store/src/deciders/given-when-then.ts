import { deepStrictEqual, fail, throws } from 'node:assert'
import { inspect } from 'node:util'
import { acceptedData, type EventDefinitions, type EventOf, type NewEventOf } from '../model/event-definition.ts'
import { isRefusedPromise } from '../model/refused-promise.ts'
import { type Decider, decided, evolved } from './decider.ts'

/**
 * Specifies a decider without a store, in any test runner: what came before, the command, what must follow. A failure
 * is an `AssertionError` that shows the difference.
 *
 * @example
 * given(cart, [{ type: 'ItemAdded', data: { sku: 'tea' } }])
 *   .when({ add: 'mug' })
 *   .thenEvents([{ type: 'ItemAdded', data: { sku: 'mug' } }])
 */
export function given<Events extends EventDefinitions, Command, State>(
  decider: Decider<Events, Command, State>,
  history: readonly EventOf<NoInfer<Events>>[],
): Given<Events, Command> {
  return {
    when: (command) => {
      const state = history.reduce<State>((before, event) => evolved(decider, before, event), decider.initialState())
      return outcomeOf(() => checked(decider.events, decided(decider, command, state)))
    },
  }
}

/** What came before. */
export interface Given<Events extends EventDefinitions, Command> {
  /** Decides the command. */
  when(command: Command): Outcome<Events>
}

/** What followed. No method is called `then`: it would make this a promise in the eyes of `await`. */
export interface Outcome<Events extends EventDefinitions> {
  /** Exactly these events were decided, tags and metadata included, and their payloads fit their schemas. */
  thenEvents(expected: readonly NewEventOf<Events>[]): void
  /** There was nothing to do. */
  thenNothing(): void
  /** The command was refused by an error of this class, with these properties, with a message like this, or any. */
  thenThrows(expected?: ExpectedError): void
}

/** What an error must be: a class, a pattern for its message, an error or properties to equal, or a check of yours. */
export type ExpectedError = RegExp | Error | (new (...given: never) => Error) | ((error: unknown) => boolean) | object

function outcomeOf<Events extends EventDefinitions>(decide: () => readonly NewEventOf<Events>[]): Outcome<Events> {
  return {
    thenEvents: (expected) => deepStrictEqual(decide(), expected),
    thenNothing: () => deepStrictEqual(decide(), []),
    thenThrows: (expected = Error) => {
      let events: readonly NewEventOf<Events>[]
      try {
        events = decide()
      } catch (error) {
        return throws(() => {
          throw error
        }, expected)
      }
      fail(`The command was to be refused, but was decided: ${inspect(events, { depth: 5 })}`)
    },
  }
}

/** Refuses what an append would refuse. A validator that takes its time is left to the append. */
function checked<Events extends EventDefinitions>(
  definitions: Events,
  events: readonly NewEventOf<Events>[],
): readonly NewEventOf<Events>[] {
  for (const [index, event] of events.entries()) {
    const verdict = definitions[event.type]?.schema?.['~standard'].validate(event.data)
    if (verdict !== undefined && !isRefusedPromise(verdict)) acceptedData(verdict, event.type, `events[${index}]`)
  }
  return events
}
