import { createHash } from 'node:crypto'
import { categoryOf, type Query, toText } from 'varve'
import { deletedType, type KurrentEvent, tombstoneType } from '../streams/kurrent-event.ts'
import { linkType } from '../streams/links.ts'

/**
 * A system stream that KurrentDB fills with links: the events of a category or of a type, the first event of every stream.
 * Here it is read from the indexes of the store instead: no link is stored, none is late, and each has the number it would
 * have there.
 */
export interface View {
  readonly name: string
  /** At least the events that the view has, by what the store has an index for. */
  readonly query: Query
  /** Whether the view has an event. */
  includes(event: KurrentEvent): boolean
  /** What it has for it: a link, or the name of the event's stream. */
  readonly entry: 'link' | 'stream_name'
}

/** The type of an event that stands for a stream: its data are the name. */
const streamReferenceType = '$@'

/** The view of a name, if it is one. */
export function viewOf(name: string): View | undefined {
  if (name === '$streams') return { name, query: 'everything', entry: 'link', includes: isFirst }
  const [, kind, of = ''] = /^\$(ce|et|category)-(.+)$/s.exec(name) ?? []
  switch (kind) {
    case 'ce':
      return { name, query: categoryQuery(of), entry: 'link', includes: isIn(of) }
    case 'category': {
      const isInIt = isIn(of)
      const includes = (event: KurrentEvent): boolean => isFirst(event) && isInIt(event)
      return { name, query: categoryQuery(of), entry: 'stream_name', includes }
    }
    case 'et': {
      const stored = of === deletedType ? tombstoneType : of
      const includes = ({ type }: KurrentEvent): boolean => type === of && type !== linkType
      return { name, query: { types: [stored] }, entry: 'link', includes }
    }
    default:
      return undefined
  }
}

/** For the store a stream without a dash is its own category, for KurrentDB it has none. */
function categoryQuery(category: string): Query {
  const found = categoryOf(category)
  return { ...(found !== '' && { categories: [found] }), streamPrefix: `${category}-` }
}

function isIn(category: string): (event: KurrentEvent) => boolean {
  const prefix = `${category}-`
  // System streams have no category, and one that has a dash in it is none.
  const isNone = category.startsWith('$') || category.includes('-')
  return ({ stream, type }) => !isNone && stream.startsWith(prefix) && type !== deletedType
}

function isFirst({ revision }: KurrentEvent): boolean {
  return revision === 0
}

/** What a view shows for an event, at its place in the view. */
export function entryOf(view: View, target: KurrentEvent, revision: number): KurrentEvent {
  const { id, stream, position, createdAtMs } = target
  const facts = { $o: stream, $c: position, $p: position, $causedBy: id }
  return {
    id: entryId(view.name, id),
    stream: view.name,
    revision,
    position,
    type: view.entry === 'link' ? linkType : streamReferenceType,
    isJson: false,
    createdAtMs,
    customMetadata: view.entry === 'link' ? JSON.stringify(facts) : '',
    data: view.entry === 'link' ? linkTo(target) : stream,
  }
}

/** A link to a link leads where that one leads. */
function linkTo({ type, data, revision, stream }: KurrentEvent): string {
  return type === linkType ? toText(data) : `${revision}@${stream}`
}

/** The id of an entry, the same for every read: a UUID of version 8 (RFC 9562), the digest of the view and the event. */
export function entryId(view: string, eventId: string): string {
  const text = createHash('sha1').update(view).update('\0').update(eventId).digest('hex')
  return `${text.slice(0, 8)}-${text.slice(8, 12)}-8${text.slice(13, 16)}-a${text.slice(17, 20)}-${text.slice(20, 32)}`
}
