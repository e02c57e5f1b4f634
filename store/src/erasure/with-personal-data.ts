import { neverRemember } from '../deciders/recent-states.ts'
import type { Clock } from '../engine/clock.ts'
import { systemClock } from '../engine/system-clock.ts'
import type { EventStore } from '../event-store.ts'
import type { Category, CategoryOptions } from '../model/category.ts'
import { InvalidArgument } from '../model/errors.ts'
import type { EventDefinitions } from '../model/event-definition.ts'
import type { KeyStore } from '../model/key-store.ts'
import { fieldsOf, refuseUnknownOptions } from '../model/known-fields.ts'
import { category } from '../schema/category.ts'
import { createIdSource } from '../streams/event-id.ts'
import { createHandOver } from './hand-over.ts'
import { keyRingOf } from './key-ring.ts'
import { openedReads } from './opened-reads.ts'
import { type SealingPort, sealedAppends } from './sealed-appends.ts'
import { sealedShelf } from './sealed-shelf.ts'

const optionFields = fieldsOf<PersonalDataOptions>({ events: true, keys: true, clock: true })

/** What {@link withPersonalData} needs to know. */
export interface PersonalDataOptions {
  /** Definitions of all events with personal data; spread several for several categories. */
  readonly events: EventDefinitions
  /** Where the keys are. It stays yours to close. */
  readonly keys: KeyStore
  /** Default: the machine's clock. */
  readonly clock?: Clock | undefined
}

/**
 * A store that seals the personal fields of events before they are appended, each subject's with a key of its own, and
 * opens them when they are read. Beneath it, and in the log, there are placeholders and what nobody without the key can
 * read; {@link forget} destroys a subject's key, and then placeholders are all there is.
 *
 * Appends keep their order. Typed ones are checked by their schema first. Closing it closes the store it is made of.
 *
 * @throws INVALID_ARGUMENT; by its appends SUBJECT_FORGOTTEN, by appends and reads KEY_MISSING when the key store lacks a
 *   key it must have had, KEY_STORE_FAILED, and by reads PERSONAL_DATA_UNREADABLE when what is sealed was altered.
 * @example
 * const events = defineEvents({
 *   CustomerRegistered: event<{ customerId: string; name: string }>({
 *     personal: { subject: ({ customerId }) => customerId, fields: { name: '[erased]' } },
 *   }),
 * })
 * const customers = withPersonalData(store, { events, keys: fileKeys({ directory: 'keys' }) })
 * await customers.append('Customer-7', [{ type: 'CustomerRegistered', data: { customerId: '7', name: 'Ada' } }])
 */
export function withPersonalData(store: EventStore, options: PersonalDataOptions): EventStore {
  refuseUnknownOptions(options, optionFields, 'withPersonalData')
  const { events, keys, clock = systemClock } = options
  if (typeof events !== 'object' || events === null) throw new InvalidArgument('events', 'is no definitions of events')
  if (typeof keys?.load !== 'function') throw new InvalidArgument('keys', 'is no key store, such as fileKeys(…)')
  const ring = keyRingOf(keys, clock)
  const port: SealingPort = { store, ring, handOver: createHandOver(), newId: createIdSource(clock) }
  const appends = sealedAppends(port, events, store)
  const reads = openedReads(store, ring)
  const shelf = sealedShelf(store, ring)
  // Nobody could make every process let go of a state that holds personal data.
  neverRemember(shelf)
  const typed = <Events extends EventDefinitions>(
    name: string,
    own: Events,
    categoryOptions?: CategoryOptions,
  ): Category<Events> =>
    category({ ...reads, ...sealedAppends(port, merged(events, own), store) }, name, own, categoryOptions)
  return {
    capabilities: store.capabilities,
    tracer: store.tracer,
    ...appends,
    ...reads,
    withTransaction: (client) => sealedAppends(port, events, store.withTransaction(client)),
    head: (callOptions) => store.head(callOptions),
    heads: (callOptions) => store.heads(callOptions),
    streams: (streamsOptions) => store.streams(streamsOptions),
    streamInfo: (streamId, callOptions) => store.streamInfo(streamId, callOptions),
    getStreamMetadata: (streamId, callOptions) => store.getStreamMetadata(streamId, callOptions),
    setStreamMetadata: (streamId, metadata, changeOptions) =>
      store.setStreamMetadata(streamId, metadata, changeOptions),
    truncateBefore: (streamId, version, callOptions) => store.truncateBefore(streamId, version, callOptions),
    deleteStream: (streamId, changeOptions) => store.deleteStream(streamId, changeOptions),
    tombstone: (streamId, changeOptions) => store.tombstone(streamId, changeOptions),
    category: typed,
    checkpoints: store.checkpoints,
    shelf,
    close: () => store.close(),
    [Symbol.asyncDispose]: () => store.close(),
  }
}

/** The definitions of a category say what is personal in it; where they do not, those of the whole store do. */
function merged(all: EventDefinitions, own: EventDefinitions): EventDefinitions {
  const marked = Object.entries(own ?? {}).filter(
    ([type, { personal, retired }]) => personal !== undefined || retired !== undefined || !Object.hasOwn(all, type),
  )
  return Object.fromEntries([...Object.entries(all), ...marked])
}
