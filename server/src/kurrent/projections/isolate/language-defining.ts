/** The part of the language that says what a projection is: sources, handlers, partitions, results. */
export const defining: string = `'use strict';
(() => {
const { parse, stringify } = JSON
const { isArray } = Array
const { entries } = Object
BigInt.prototype.toJSON = function () { return String(this) }

const definition = {
  streams: [], isAll: false, by: 'nothing', types: [], isAny: true, folds: false, handlesDeleted: false, isBi: false,
  outputs: false, includeLinks: false, resultStream: null, partitionResultPattern: null,
}
const handlers = new Map()
const transforms = []
const created = []
let any, init, initShared, deleted, partitionOf

const chains = {
  fromAll: ['when', 'partitionBy', 'outputState', 'foreachStream'],
  fromStream: ['when', 'partitionBy', 'outputState'],
  fromStreams: ['when', 'partitionBy', 'outputState'],
  fromCategory: ['when', 'partitionBy', 'outputState', 'foreachStream'],
  when: ['transformBy', 'filterBy', 'outputState', 'outputTo', '$defines_state_transform'],
  foreachStream: ['when'],
  partitionBy: ['when'],
  outputState: ['transformBy', 'filterBy', 'outputTo'],
  transformBy: ['transformBy', 'filterBy', 'outputState', 'outputTo'],
  filterBy: ['transformBy', 'filterBy', 'outputState', 'outputTo'],
  outputTo: [],
}
const chain = (name) => {
  const next = {}
  for (const verb of chains[name]) next[verb] = verbs[verb]
  return next
}
const aText = (value, what) => {
  if (typeof value !== 'string' || value.trim() === '') throw new TypeError(what + ' is no text that is not empty')
  return value
}
const aFunction = (value, what) => {
  if (typeof value !== 'function') throw new TypeError(what + ' takes a function')
  return value
}
const anObject = (value, what) => {
  if (typeof value !== 'object' && typeof value !== 'function' || value === null) throw new TypeError(what + ' is no object')
  return value
}
const texts = (values) => values.length === 1 && isArray(values[0]) ? values[0] : values

const transform = (kind, given) => {
  definition.outputs = true
  transforms.push([kind, aFunction(given, kind)])
  return chain(kind)
}
const addHandler = (name, handler) => {
  if (name === '$init') init = handler
  else if (name === '$initShared') { initShared = handler; definition.isBi = true }
  else if (name === '$any') any = handler
  else if (name === '$created') created.push(handler)
  else if (name === '$deleted') { deleted = handler; definition.handlesDeleted = true }
  else handlers.set(name, handler)
}
const verbs = {
  when(given) {
    for (const [name, handler] of entries(anObject(given, 'when'))) if (typeof handler === 'function') addHandler(name, handler)
    definition.folds = true
    return chain('when')
  },
  foreachStream() { definition.by = 'stream'; return chain('foreachStream') },
  partitionBy(given) {
    partitionOf = aFunction(given, 'partitionBy')
    definition.by = 'key'
    return chain('partitionBy')
  },
  outputState() { definition.outputs = true; return chain('outputState') },
  transformBy: (given) => transform('transformBy', given),
  filterBy: (given) => transform('filterBy', given),
  outputTo(stream, pattern) {
    definition.resultStream = aText(stream, 'The result stream')
    if (pattern !== undefined) definition.partitionResultPattern = aText(pattern, 'The pattern of result streams')
    return chain('outputTo')
  },
  $defines_state_transform() { definition.outputs = true },
}
const fromStreams = (given, name) => {
  for (const stream of texts(given)) definition.streams.push(aText(stream, 'A stream'))
  return chain(name)
}
const fromCategories = (given) => {
  for (const category of texts(given)) definition.streams.push('$ce-' + aText(category, 'A category'))
  return chain('fromCategory')
}
const settings = {
  $includelinks: ['boolean', (value) => { definition.includeLinks = value }],
  reorderevents: ['boolean', () => {}],
  processinglag: ['number', () => {}],
  resultstreamname: ['string', (value) => { definition.resultStream = aText(value, 'resultStreamName') }],
  bistate: ['boolean', (value) => { definition.isBi = value }],
}
const defining = {
  fromAll() { definition.isAll = true; return chain('fromAll') },
  fromStream: (stream) => fromStreams([stream], 'fromStream'),
  fromStreams: (...streams) => fromStreams(streams, 'fromStreams'),
  fromCategory: (...categories) => fromCategories(categories),
  fromCategories: (...categories) => fromCategories(categories),
  options(given) {
    for (const [name, value] of entries(anObject(given, 'options'))) {
      const setting = settings[name.toLowerCase()]
      if (setting === undefined) throw new TypeError('Unrecognized option: ' + name)
      if (typeof value !== setting[0]) throw new TypeError('Option ' + name + ' is no ' + setting[0])
      setting[1](value)
    }
  },
  on_event: (name, handler) => addHandler(aText(name, 'The event type'), aFunction(handler, 'on_event')),
  on_any: (handler) => addHandler('$any', aFunction(handler, 'on_any')),
}

`
