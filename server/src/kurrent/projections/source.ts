import { categoryOf, type EventStore, type Payload, type Query, type QueryItem, type RecordedEvent } from 'varve'
import { openAccess } from '../../auth/access.ts'
import { deletedType, type KurrentEvent, kurrentEventOf, tombstoneType } from '../streams/kurrent-event.ts'
import { followLink, linkType } from '../streams/links.ts'
import { metadataType } from '../streams/metadata-text.ts'
import { isMetadataStream, subjectOf } from '../streams/stream-access.ts'
import { type View, viewOf } from '../views/view.ts'
import type { Definition, PackedEvent } from './isolate/exchange.ts'

/** Items of one query; with more streams than these everything is read and looked through. */
const itemsMax = 90

/** The events that a projection is about: what to read of the store, and what of it to hand to user code. */
export class EventSource {
  readonly query: Query
  readonly #definition: Definition
  readonly #streams: ReadonlySet<string>
  readonly #views: readonly View[]
  readonly #types: ReadonlySet<string>

  constructor(definition: Definition) {
    this.#definition = definition
    this.#types = new Set(definition.types)
    const views = definition.streams.map(viewOf)
    this.#views = views.filter((view) => view !== undefined)
    this.#streams = new Set(definition.streams.filter((_, at) => views[at] === undefined))
    this.query = this.#queryOf()
  }

  /** An event as user code gets it, with the partition that its stream is; undefined when it is not for it. */
  async pack(store: EventStore, stored: RecordedEvent, signal: AbortSignal): Promise<PackedEvent | undefined> {
    const event = kurrentEventOf(stored)
    const ended = this.#endedBy(stored, event)
    if (ended !== undefined) return ended
    const view = this.#views.find((one) => one.includes(event))
    if (!this.#isMeant(event, view)) return undefined
    if (event.type === linkType) {
      const { event: target, link } = await followLink({ store, access: openAccess, signal }, event)
      if (target === undefined || !this.#isWanted(target)) return undefined
      // A view of a category has its own link to the target, which says in whose stream the link was.
      if (view !== undefined) return this.#packed(event.position, target, linkMetadata(event), view, event.stream)
      const metadata = link === undefined ? null : metadataOf(link)
      return this.#packed(event.position, target, metadata, view, originIn(metadata) ?? target.stream)
    }
    if (!this.#isWanted(event)) return undefined
    const metadata = view === undefined ? null : linkMetadata(event)
    return this.#packed(event.position, event, metadata, view, partitionOf(event))
  }

  #isMeant(event: KurrentEvent, view: View | undefined): boolean {
    const { isAll, includeLinks } = this.#definition
    if (view !== undefined || this.#streams.has(event.stream)) return true
    if (!isAll) return false
    if (event.type === linkType && !includeLinks) return false
    if (!event.stream.startsWith('$')) return true
    return isMetadataStream(event.stream) && !subjectOf(event.stream).startsWith('$')
  }

  #isWanted({ type }: KurrentEvent): boolean {
    return this.#definition.isAny || this.#types.has(type)
  }

  /** Whether an event is the end of a stream, and so of its partition. */
  #endedBy(stored: RecordedEvent, event: KurrentEvent): PackedEvent | undefined {
    const { handlesDeleted, by, isAll } = this.#definition
    if (!handlesDeleted || by !== 'stream') return undefined
    const how = event.type === deletedType ? 'hard' : isDelete(stored) ? 'soft' : undefined
    if (how === undefined) return undefined
    const stream = how === 'hard' ? event.stream : subjectOf(event.stream)
    const subject: KurrentEvent = { ...event, stream, type: '' }
    const isOurs = isAll ? !stream.startsWith('$') : this.#views.some((view) => view.includes(subject))
    if (!isOurs && !this.#streams.has(stream)) return undefined
    return this.#packed(event.position, { ...event, stream, revision: 0 }, null, undefined, stream, how)
  }

  #packed(
    position: number,
    event: KurrentEvent,
    link: string | null,
    view: View | undefined,
    origin: string,
    ended: 'soft' | 'hard' | null = null,
  ): PackedEvent {
    const { stream, type, revision, id, isJson, createdAtMs, data } = event
    const partition = this.#definition.by === 'stream' ? origin : ''
    const category = view?.name.startsWith('$ce-') ? view.name.slice(4) : null
    const created = new Date(createdAtMs).toISOString()
    const number = Number.isFinite(revision) ? revision : Number.MAX_SAFE_INTEGER
    const about = [stream, type, number, id, isJson, created] as const
    return [position, partition, ...about, textOf(data), metadataOf(event), link, category, ended]
  }

  #queryOf(): Query {
    const { isAll, isAny, types, handlesDeleted, includeLinks } = this.#definition
    const stored = types.map((type) => (type === deletedType ? tombstoneType : type))
    if (isAll) {
      if (isAny) return 'everything'
      const all = [
        ...stored,
        ...(includeLinks ? [linkType] : []),
        ...(handlesDeleted ? [metadataType, tombstoneType] : []),
      ]
      return all.length === 0 || all.length > itemsMax ? 'everything' : { types: all }
    }
    const wanted = isAny || stored.length > itemsMax ? undefined : [...stored, linkType]
    const items: QueryItem[] = [...this.#streams].flatMap((stream) => itemsOf(stream, wanted))
    for (const { query } of this.#views) {
      if (query === 'everything') return query
      items.push(
        ...[query].flat().map((item) => (item.types === undefined && wanted ? { ...item, types: wanted } : item)),
      )
    }
    if (handlesDeleted) items.push({ types: [metadataType, tombstoneType], streamPrefix: '$$' })
    return items.length === 0 || items.length > itemsMax ? 'everything' : items
  }
}

/** An index finds the category; what else is in it is passed over. A tombstone lies in the stream's metadata. */
function itemsOf(stream: string, types: readonly string[] | undefined): QueryItem[] {
  const place = { streamPrefix: stream, ...(!stream.startsWith('$') && { categories: [categoryOf(stream)] }) }
  const own = types === undefined ? place : { ...place, types }
  return types?.includes(tombstoneType) === false
    ? [own]
    : [own, { types: [tombstoneType], streamPrefix: `$$${stream}` }]
}

function isDelete({ streamId, type, rawData }: RecordedEvent): boolean {
  if (type !== metadataType || !isMetadataStream(streamId)) return false
  try {
    const { $tb } = JSON.parse(textOf(rawData)) as { readonly $tb?: unknown }
    return typeof $tb === 'number' && $tb > Number.MAX_SAFE_INTEGER
  } catch {
    return false
  }
}

function metadataOf({ customMetadata }: KurrentEvent): string | null {
  return customMetadata.length === 0 ? null : textOf(customMetadata)
}

/** Metadata of a stream belong to its partition. */
function partitionOf({ stream }: KurrentEvent): string {
  return isMetadataStream(stream) ? subjectOf(stream) : stream
}

/** Where an event lay that a link was made for, as the links of KurrentDB's categories say it. */
function originIn(metadata: string | null): string | undefined {
  if (metadata === null) return undefined
  try {
    const { $o: origin } = JSON.parse(metadata) as { readonly $o?: unknown }
    return typeof origin === 'string' ? origin : undefined
  } catch {
    return undefined
  }
}

/** What stands beside the link that a view has for an event. */
function linkMetadata({ stream, position, id }: KurrentEvent): string {
  return JSON.stringify({ $o: stream, $c: position, $p: position, $causedBy: id })
}

function textOf(payload: Payload): string {
  return typeof payload === 'string' ? payload : Buffer.from(payload).toString()
}
