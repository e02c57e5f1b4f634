import type { EventStore } from '../event-store.ts'
import type { CategoryOptions, TypedStream } from '../model/category.ts'
import { InvalidArgument } from '../model/errors.ts'
import type { EventDefinitions } from '../model/event-definition.ts'
import { categoryOf } from '../model/stream.ts'
import type { Decider } from './decider.ts'
import type { FoldableStore } from './fold-stream.ts'

/** What `execute` needs of a store: any store has it, embedded or remote. */
export type CommandStore = FoldableStore & Pick<EventStore, 'category' | 'heads' | 'readAll' | 'tracer'>

/** A command for one stream. */
export interface Task<Events extends EventDefinitions, Command, State> {
  readonly decider: Decider<Events, Command, State>
  /** `{Category}-{id}`. */
  readonly streamId: string
  readonly command: NoInfer<Command>
}

/** Any {@link Task}, where it no longer matters what it is about. */
export interface AnyTask extends Task<EventDefinitions, unknown, unknown> {}

/**
 * The stream of a task, to append events of some definitions to.
 *
 * @throws INVALID_ARGUMENT when its id is not `{Category}-{id}`.
 */
export function streamOf<Events extends EventDefinitions>(
  store: Pick<EventStore, 'category'>,
  { streamId }: Pick<AnyTask, 'streamId'>,
  events: Events,
  options?: CategoryOptions,
): TypedStream<Events> {
  const category = typeof streamId === 'string' ? categoryOf(streamId) : ''
  if (category === '' || streamId.length <= category.length + 1) {
    throw new InvalidArgument('streamId', `is ${JSON.stringify(streamId)}, which is not {Category}-{id}, as in Order-7`)
  }
  return store.category(category, events, options).stream(streamId.slice(category.length + 1))
}
