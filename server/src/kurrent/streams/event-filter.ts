import { limits, type Query, type QueryItem } from 'varve'
import { bytesTag, MalformedMessage, type ProtoReader, varintTag } from '../protobuf/proto-reader.ts'
import { type KurrentEvent, tombstoneType } from './kurrent-event.ts'
import { type Pattern, patternOf } from './pattern.ts'
import { metadataStreamOf } from './stream-access.ts'

/** Which events of the store a client wants, and how often it hears how far it has come. */
export interface EventFilter {
  readonly on: 'stream' | 'type'
  /** One of these; with a pattern, none. */
  readonly prefixes: readonly string[]
  readonly pattern: Pattern | undefined
  /** Events looked at, after which a checkpoint is due, in {@link multiplier}s. */
  readonly window: number
  readonly multiplier: number
}

const filter = {
  stream: bytesTag(1),
  type: bytesTag(2),
  max: varintTag(3),
  count: bytesTag(4),
  multiplier: varintTag(5),
} as const

const expression = { regex: bytesTag(1), prefix: bytesTag(2) } as const

/** Events looked at at once, unless a client says otherwise. */
const defaultWindow = 32

/** Prefixes of one filter. */
const prefixesMax = 1_000

/**
 * The filter in a message that was entered.
 *
 * @throws MalformedMessage when it says nothing, or has a pattern that is none.
 */
export function readFilter(reader: ProtoReader): EventFilter {
  let on: EventFilter['on'] | undefined
  let regex = ''
  let prefixes: readonly string[] = []
  let window = defaultWindow
  let multiplier = 0
  for (let tag = reader.tag(); tag !== 0; tag = reader.tag()) {
    if (tag === filter.stream || tag === filter.type) {
      on = tag === filter.stream ? 'stream' : 'type'
      const outer = reader.enter()
      ;({ regex, prefixes } = readExpression(reader))
      reader.leave(outer)
    } else if (tag === filter.max) window = reader.uint()
    else if (tag === filter.multiplier) multiplier = reader.uint()
    else reader.skip(tag)
  }
  if (on === undefined) throw new MalformedMessage('its filter says neither stream_identifier nor event_type')
  if (window === 0) throw new MalformedMessage('its search window is 0; it is at least 1')
  return { ...eventChoice({ on, regex, prefixes }), window, multiplier }
}

/** A filter as it is written down: a regex, or prefixes where that is empty. */
export interface FilterText {
  readonly on: 'stream' | 'type'
  readonly regex: string
  readonly prefixes: readonly string[]
}

/** Which events a filter chooses. */
export type EventChoice = Pick<EventFilter, 'on' | 'prefixes' | 'pattern'>

/**
 * The filter of a text.
 *
 * @throws MalformedMessage when it says nothing, or has a pattern that is none.
 */
export function eventChoice({ on, regex, prefixes }: FilterText): EventChoice {
  if (regex === '' && prefixes.length === 0) throw new MalformedMessage('its filter has neither a regex nor a prefix')
  if (prefixes.length > prefixesMax) throw new MalformedMessage(`its filter has more than ${prefixesMax} prefixes`)
  const pattern = regex === '' ? undefined : patternOf(regex)
  return { on, pattern, prefixes: pattern === undefined ? prefixes : [] }
}

function readExpression(reader: ProtoReader): { readonly regex: string; readonly prefixes: readonly string[] } {
  let regex = ''
  const prefixes: string[] = []
  for (let tag = reader.tag(); tag !== 0; tag = reader.tag()) {
    if (tag === expression.regex) regex = reader.text()
    else if (tag === expression.prefix) prefixes.push(reader.text())
    else reader.skip(tag)
  }
  return { regex, prefixes }
}

/** Whether an event passes a filter. */
export function passes({ on, pattern, prefixes }: EventChoice, event: Pick<KurrentEvent, 'stream' | 'type'>): boolean {
  const text = event[on]
  return pattern === undefined ? prefixes.some((prefix) => text.startsWith(prefix)) : pattern.matches(text)
}

/**
 * What the store's indexes can do for a filter: at least the events that pass it. The event that closes a stream is shown
 * in the stream it closes, and stored in another one.
 */
export function queryFor({ on, prefixes }: EventChoice): Query {
  const isIndexed = on === 'stream' && prefixes.length > 0 && prefixes.every((prefix) => prefix !== '')
  if (!isIndexed || prefixes.length * 2 > limits.queryItems) return 'everything'
  return prefixes.flatMap((streamPrefix): QueryItem[] => [
    { streamPrefix },
    { types: [tombstoneType], streamPrefix: metadataStreamOf(streamPrefix) },
  ])
}
