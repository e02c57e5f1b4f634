/** The part of the language that handles events: states, partitions, results, and what the host calls. */
export const handling: string = `/** By partition: { value, isLive, text, isDirty, result }. Values are alive only while a batch is handled. */
const states = new Map()
let sharedValue = null
/** Counts the events and states that were begun, where the host can see it while they run. */
let ticks = [0]
let isSharedDirty = false

const envelope = (event) => {
  const [, partition, streamId, eventType, sequenceNumber, eventId, isJson, created, bodyRaw, metadataRaw, linkMetadataRaw, category] = event
  let body, metadata, link
  if (!isJson) return { partition, created, bodyRaw, metadataRaw, streamId, eventId, eventType, linkMetadataRaw, isJson, category, sequenceNumber,
    get metadata() { return metadata ??= metadataRaw === null ? null : parse(metadataRaw) },
    get linkMetadata() { return link ??= linkMetadataRaw === null ? null : parse(linkMetadataRaw) } }
  return { partition, created, bodyRaw, metadataRaw, streamId, eventId, eventType, linkMetadataRaw, isJson, category, sequenceNumber,
    get body() { return body ??= parse(bodyRaw) },
    get data() { return body ??= parse(bodyRaw) },
    get metadata() { return metadata ??= metadataRaw === null ? null : parse(metadataRaw) },
    get linkMetadata() { return link ??= linkMetadataRaw === null ? null : parse(linkMetadataRaw) } }
}
const called = (name, handler, ...given) => {
  handling = name
  const result = handler(...given)
  handling = ''
  return result
}
const jsonOf = (value) => stringify(value) ?? 'null'
const resultOf = (state) => {
  let value = definition.isBi ? [state, sharedValue] : state
  if (transforms.length === 0) value = state
  for (const [kind, step] of transforms) {
    const given = called(kind, step, value)
    if (kind === 'transformBy') value = given
    else if (given !== true) return null
    if (value === null || value === undefined) return null
  }
  return value === null || value === undefined ? null : jsonOf(value)
}
const liveState = (entry) => {
  if (!entry.isLive) {
    entry.value = parse(entry.text)
    entry.isLive = true
  }
  return entry.value
}
const newState = () => ({ value: init === undefined ? {} : called('$init', init), isLive: true, text: null, isDirty: true, result: null, at: position })
const fold = (event, entry) => {
  const state = liveState(entry)
  const given = definition.isBi ? [state, sharedValue] : state
  const handler = handlers.get(event.eventType) ?? any
  if (handler === undefined && definition.folds) return false
  const name = handler === any ? '$any' : event.eventType
  const next = handler === undefined ? (event.isJson ? event.body : event.bodyRaw) : called(name, handler, given, event)
  const left = next === undefined ? given : next
  if (definition.isBi && isArray(left)) {
    entry.value = left[0]
    sharedValue = left[1]
    isSharedDirty = true
  } else entry.value = left
  return true
}
const one = (packed) => {
  const [, partition, , , , , isJson, , bodyRaw, , , , ended] = packed
  ticks[0]++
  position = packed[0]
  ordinal = 0
  chars = 0
  handling = ''
  let entry = states.get(partition)
  if (entry !== undefined && definition.outputs && entry.result === undefined) entry.result = resultOf(liveState(entry))
  if (ended !== undefined && ended !== null) {
    if (deleted === undefined || entry === undefined) return
    called('$deleted', deleted, liveState(entry), null, partition, ended === 'soft')
  } else {
    const event = envelope(packed)
    if (entry === undefined) {
      entry = newState()
      states.set(partition, entry)
      for (const handler of created) called('$created', handler, entry.value, event)
    }
    const isEmpty = isJson && bodyRaw.trim() === ''
    if (isEmpty || !fold(event, entry)) return
  }
  entry.isDirty = true
  entry.at = position
  if (!definition.outputs) return
  const result = resultOf(entry.value)
  if (result === entry.result) return
  entry.result = result
  held += result === null ? 0 : result.length
  outputs.push([position, 0, 'result', partition, result === null ? 'ResultRemoved' : 'Result', result ?? '', null, true])
}
const faultOf = (error, at) => {
  const isError = typeof error === 'object' && error !== null
  return {
    at, handling, name: isError ? String(error.name) : '', message: (isError ? String(error.message) : String(error)).slice(0, 1000),
    stack: isError ? String(error.stack).slice(0, 4000) : '',
  }
}
const handed = (rest) => {
  const outcome = stringify({ ...rest, outputs, logs })
  outputs = []
  logs = []
  held = 0
  return outcome
}

return {
  watch(buffer) { ticks = new Int32Array(buffer) },
  /** Ends the definition: from here on events are handled. */
  begin(text) {
    limits = parse(text)
    for (const name of Object.keys(defining)) delete globalThis[name]
    Object.assign(globalThis, acting)
    const isBare = !definition.folds
    definition.types = [...handlers.keys()]
    definition.isAny = any !== undefined || isBare
    return stringify(definition)
  },
  /** The first states: of the projection as a whole, and what its partitions share. */
  initialize() {
    handling = ''
    if (definition.isBi) sharedValue = initShared === undefined ? {} : called('$initShared', initShared)
    if (definition.by === 'nothing') states.set('', newState())
    return ''
  },
  /** Takes up states where they were left: [[partition, state]], null for one that is new; and the shared one. */
  restore(text) {
    const { states: given, shared } = parse(text)
    for (const [partition, state] of given) {
      ticks[0]++
      states.set(partition, { value: undefined, isLive: false, text: state, isDirty: false, result: undefined, at: 0 })
    }
    if (shared !== null) sharedValue = parse(shared)
    return ''
  },
  /** The partition of each event, null for those that have none; ends at the first that fails. */
  partitions(text) {
    const names = []
    for (const packed of parse(text)) {
      ticks[0]++
      position = packed[0]
      try {
        const key = called('partitionBy', partitionOf, envelope(packed))
        names.push(typeof key === 'number' ? String(key) : typeof key === 'string' && key !== '' ? key : null)
      } catch (error) {
        return handed({ names, fault: faultOf(error, position) })
      }
    }
    return handed({ names, fault: null })
  },
  /** Which of these partitions have no state here. */
  unknown: (text) => stringify(parse(text).filter((partition) => !states.has(partition))),
  /** Handles events in turn; ends at the first that fails, or when there is much to hand over. */
  handle(text) {
    let done = 0
    for (const packed of parse(text)) {
      try {
        one(packed)
      } catch (error) {
        return handed({ done, fault: faultOf(error, position) })
      }
      done++
      if (held >= limits.heldChars) break
    }
    return handed({ done, fault: null })
  },
  /** The states that have changed since they were collected last, as JSON; those of partitions stay in memory up to a bound. */
  collect(text) {
    const room = parse(text)
    const changed = []
    let kept = 0
    for (const [partition, entry] of states) {
      ticks[0]++
      if (entry.isDirty) {
        position = entry.at
        handling = 'the state of ' + (partition === '' ? 'the projection' : 'partition ' + partition)
        try {
          entry.text = jsonOf(entry.value)
        } catch (error) {
          return handed({ fault: faultOf(error, position) })
        }
        changed.push([partition, entry.text, entry.at])
      }
      entry.isDirty = false
      entry.isLive = false
      entry.value = undefined
      kept += entry.text.length
    }
    const isOver = () => states.size > room.partitions || kept > room.chars
    for (const [partition, { text: gone }] of states) {
      if (!isOver()) break
      if (partition === '') continue
      states.delete(partition)
      kept -= gone.length
    }
    let shared = null
    if (isSharedDirty) {
      handling = 'the shared state'
      try {
        shared = jsonOf(sharedValue)
      } catch (error) {
        return handed({ fault: faultOf(error, position) })
      }
      sharedValue = parse(shared)
      isSharedDirty = false
    }
    return handed({ fault: null, changed, shared, partitions: states.size })
  },
  /** The result of a state, as the transformations make it. */
  result(text) {
    position = 0
    return stringify({ result: resultOf(parse(text)) })
  },
  /** Where a failure that stopped everything happened. */
  where: () => stringify({ at: position, handling }),
}
})()
`
