/** Where the library lies. */
export const library = 'store/src/'
const connections = ['driver', 'encode', 'errors', 'names', 'place'].map((file) => `engines/postgres/${file}.ts`)

/**
 * What each part of the library may import besides itself: folders, or single files where a whole folder is too much.
 * A part that is not listed here may not exist.
 */
export const mayImport: Readonly<Record<string, readonly string[]>> = {
  model: [],
  engine: ['model'],
  'event-store.ts': ['model', 'engine'],
  schema: ['model', 'engine', 'event-store.ts'],
  streams: ['model', 'engine', 'event-store.ts', 'schema'],
  subscriptions: ['model', 'engine', 'event-store.ts', 'schema', 'streams'],
  shelf: ['model', 'engine', 'event-store.ts', 'schema', 'streams'],
  // These run on any event store, embedded or remote: they see the contract, the nouns, the clock and spans, nothing else.
  projections: ['model', 'event-store.ts', 'engine/clock.ts', 'engine/span.ts', 'engine/system-clock.ts'],
  // A driver is imported in one folder, so that this target takes its connections from the engine's.
  'projections/targets/postgres': ['model', 'engine', ...connections],
  // Events of several commands keep the ids and the causes of their own.
  deciders: [
    'model',
    'event-store.ts',
    'engine/clock.ts',
    'engine/span.ts',
    'engine/system-clock.ts',
    'streams/causation.ts',
    'streams/event-id.ts',
  ],
  groups: [
    'model',
    'event-store.ts',
    'engine/clock.ts',
    'engine/patience.ts',
    'engine/span.ts',
    'engine/system-clock.ts',
    'engine/unless-aborted.ts',
    'streams/causation.ts',
    'streams/event-id.ts',
    'streams/reader.ts',
  ],
  // Commands inherit causation, and a run is waited for as that of a projection is.
  reactions: [
    'model',
    'event-store.ts',
    'engine/clock.ts',
    'engine/patience.ts',
    'engine/span.ts',
    'engine/system-clock.ts',
    'streams/causation.ts',
    'projections/run-until-stopped.ts',
  ],
  claims: ['model', 'event-store.ts', 'engine/aws-failure.ts', 'engine/clock.ts', 'engine/system-clock.ts'],
  // As these, and it does to events on their way what a store does: ids, JSON, categories.
  erasure: [
    'model',
    'event-store.ts',
    'engine/clock.ts',
    'engine/system-clock.ts',
    'engine/unless-aborted.ts',
    'schema/category.ts',
    'schema/codec.ts',
    'schema/events.ts',
    'streams/event-id.ts',
    'deciders/snapshot-shelf.ts',
    'deciders/recent-states.ts',
  ],
  // A relay is a projection whose read model is what somebody else's system has.
  relays: [
    'model',
    'event-store.ts',
    'engine/clock.ts',
    'engine/patience.ts',
    'engine/system-clock.ts',
    'schema/envelope.ts',
    'streams/event-id.ts',
    'projections/failure-policy.ts',
    'projections/projection.ts',
    'projections/targets/build-target.ts',
    'projections/targets/generation.ts',
  ],
  remote: [
    'model',
    'engine',
    'event-store.ts',
    'schema',
    'streams',
    'subscriptions/checkpoint.ts',
    'subscriptions/followed.ts',
    'shelf',
  ],
  engines: ['model', 'engine'],
  'open-store.ts': ['model', 'engine', 'event-store.ts', 'schema', 'streams', 'shelf', 'subscriptions'],
  // The memory engine is the reference that the model-based cases compare with.
  conformance: [
    'model',
    'engine',
    'event-store.ts',
    'schema',
    'streams',
    'subscriptions',
    'open-store.ts',
    'engines/memory',
    'claims/blob-store.ts',
    'claims/claim-check.ts',
  ],
  'index.ts': ['*'],
}

/** State machines: these see the model and each other, nothing else. */
export const machines: readonly string[] = [
  'subscriptions/catch-up',
  'groups/group',
  'groups/group-state',
  'groups/holding',
  'groups/liveness',
  'groups/parking',
  'groups/strategy',
  'projections/projection',
  'projections/gathering',
  'projections/failure-policy',
  'projections/ownership',
  'projections/control',
  'deciders/decider',
  'deciders/view',
  'reactions/process',
  'reactions/reaction',
  'reactions/reaction-parts',
]
