import type { Decode } from '../grpc/method.ts'
import { bytesTag, MalformedMessage, ProtoReader, varintTag } from '../protobuf/proto-reader.ts'
import type { UuidForm } from '../protobuf/uuid.ts'
import { type EventFilter, readFilter } from './event-filter.ts'
import { readStreamName } from './stream-name.ts'

/** Where a read begins: a revision of a stream, or a position of the store. */
export type Beginning = number | 'start' | 'end'

/** What a client reads. */
export interface ReadRequest {
  /** Undefined for the whole store. */
  readonly stream: string | undefined
  readonly from: Beginning
  readonly direction: 'forward' | 'backward'
  readonly resolveLinks: boolean
  /** Events at the most; undefined for a subscription, which has no end. */
  readonly count: number | undefined
  readonly filter: EventFilter | undefined
  readonly uuidForm: UuidForm
  /** From 1 on, the client wants to know where a stream begins and ends. */
  readonly compatibility: number
}

const optionsTag = bytesTag(1)

const option = {
  stream: bytesTag(1),
  all: bytesTag(2),
  direction: varintTag(3),
  resolveLinks: varintTag(4),
  count: varintTag(5),
  subscription: bytesTag(6),
  filter: bytesTag(7),
  noFilter: bytesTag(8),
  uuid: bytesTag(9),
  control: bytesTag(10),
} as const

const ofStream = { name: bytesTag(1), revision: varintTag(2), start: bytesTag(3), end: bytesTag(4) } as const
const ofAll = { position: bytesTag(1), start: bytesTag(2), end: bytesTag(3) } as const
const ofPosition = { commit: varintTag(1), prepare: varintTag(2) } as const
const ofUuid = { structured: bytesTag(1), string: bytesTag(2) } as const
const compatibilityTag = varintTag(1)

/** The options as they are given, before anybody asks whether they fit together. */
interface Given {
  source?: 'stream' | 'all'
  stream?: string
  from?: Beginning
  direction: number
  resolveLinks: boolean
  amount?: number | 'subscription'
  filter?: EventFilter | 'none'
  uuidForm?: UuidForm
  compatibility: number
}

/**
 * Reads a request of Read.
 *
 * @throws MalformedMessage also for options that do not go together.
 */
export const decodeRead: Decode<ReadRequest> = (message) => {
  const reader = new ProtoReader(message)
  const given: Given = { direction: 0, resolveLinks: false, compatibility: 0 }
  for (let tag = reader.tag(); tag !== 0; tag = reader.tag()) {
    if (tag !== optionsTag) {
      reader.skip(tag)
      continue
    }
    const outer = reader.enter()
    for (let inner = reader.tag(); inner !== 0; inner = reader.tag()) readOption(reader, inner, given)
    reader.leave(outer)
  }
  return checked(given)
}

function readOption(reader: ProtoReader, tag: number, given: Given): void {
  switch (tag) {
    case option.direction:
      given.direction = reader.uint()
      return
    case option.resolveLinks:
      given.resolveLinks = reader.uint() !== 0
      return
    case option.count:
      given.amount = reader.uint()
      return
    case option.subscription:
      given.amount = 'subscription'
      reader.skip(tag)
      return
    case option.noFilter:
      given.filter = 'none'
      reader.skip(tag)
      return
    case option.stream:
    case option.all:
    case option.filter:
    case option.uuid:
    case option.control: {
      const outer = reader.enter()
      readMessage(reader, tag, given)
      reader.leave(outer)
      return
    }
    default:
      reader.skip(tag)
  }
}

function readMessage(reader: ProtoReader, field: number, given: Given): void {
  if (field === option.filter) {
    given.filter = readFilter(reader)
    return
  }
  if (field === option.stream) given.source = 'stream'
  if (field === option.all) given.source = 'all'
  for (let tag = reader.tag(); tag !== 0; tag = reader.tag()) {
    if (field === option.stream) readStreamOption(reader, tag, given)
    else if (field === option.all) readAllOption(reader, tag, given)
    else if (field === option.control && tag === compatibilityTag) given.compatibility = reader.uint()
    else {
      if (field === option.uuid) given.uuidForm = tag === ofUuid.structured ? 'structured' : 'string'
      reader.skip(tag)
    }
  }
}

function readStreamOption(reader: ProtoReader, tag: number, given: Given): void {
  if (tag === ofStream.name) {
    const outer = reader.enter()
    given.stream = readStreamName(reader)
    reader.leave(outer)
  } else if (tag === ofStream.revision) given.from = reader.uint()
  else {
    if (tag === ofStream.start) given.from = 'start'
    else if (tag === ofStream.end) given.from = 'end'
    reader.skip(tag)
  }
}

function readAllOption(reader: ProtoReader, tag: number, given: Given): void {
  if (tag === ofAll.position) {
    const outer = reader.enter()
    given.from = readPosition(reader)
    reader.leave(outer)
    return
  }
  if (tag === ofAll.start) given.from = 'start'
  else if (tag === ofAll.end) given.from = 'end'
  reader.skip(tag)
}

function readPosition(reader: ProtoReader): number {
  let commit = 0
  let prepare = 0
  for (let tag = reader.tag(); tag !== 0; tag = reader.tag()) {
    if (tag === ofPosition.commit) commit = reader.uint()
    else if (tag === ofPosition.prepare) prepare = reader.uint()
    else reader.skip(tag)
  }
  if (prepare > commit) throw new MalformedMessage('a position has its prepare behind its commit')
  return commit
}

function checked(given: Given): ReadRequest {
  const { source, stream, from, direction, amount, filter, uuidForm } = given
  if (source === undefined) throw new MalformedMessage('it says neither stream nor all')
  if (source === 'stream' && (stream === undefined || stream === '')) throw new MalformedMessage('it names no stream')
  if (from === undefined) throw new MalformedMessage('it does not say where to begin')
  if (amount === undefined) throw new MalformedMessage('it says neither count nor subscription')
  if (filter === undefined) throw new MalformedMessage('it says neither filter nor no_filter')
  if (uuidForm === undefined) throw new MalformedMessage('it does not say how ids are to be written')
  if (direction > 1) throw new MalformedMessage('it has a direction that is none')
  if (source === 'stream' && filter !== 'none') throw new MalformedMessage('a filter is for reads of all streams')
  if (amount === 'subscription') {
    if (direction !== 0) throw new MalformedMessage('a subscription reads forwards')
    if (filter !== 'none' && filter.multiplier === 0) {
      throw new MalformedMessage('the interval of checkpoints is 0; it is at least 1')
    }
  }
  return {
    stream: source === 'stream' ? stream : undefined,
    from,
    direction: direction === 0 ? 'forward' : 'backward',
    resolveLinks: given.resolveLinks,
    count: amount === 'subscription' ? undefined : amount,
    filter: filter === 'none' ? undefined : filter,
    uuidForm,
    compatibility: given.compatibility,
  }
}
