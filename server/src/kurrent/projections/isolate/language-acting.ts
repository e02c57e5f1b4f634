/** The part of the language that says what handlers want done. */
export const acting: string = `let limits = { emits: 1, outputChars: 1, heldChars: 1 }
let outputs = []
let logs = []
/** What is handled at this moment: the event's position, its outputs so far and their characters. */
let position = 0
let handling = ''
let ordinal = 0
let chars = 0
/** Characters of all outputs that were not handed over yet. */
let held = 0

const put = (kind, stream, type, data, metadata, isJson) => {
  if (++ordinal > limits.emits) throw new RangeError('more than ' + limits.emits + ' events are emitted for one event')
  chars += data.length + (metadata === null ? 0 : metadata.length)
  if (chars > limits.outputChars) throw new RangeError('more than ' + limits.outputChars + ' characters are emitted for one event')
  held += data.length
  outputs.push([position, ordinal, kind, stream, type, data, metadata, isJson])
}
const extra = (metadata) => metadata === undefined ? null : stringify(anObject(metadata, 'The metadata'))
const acting = {
  emit(stream, type, body, metadata) {
    put('emit', aText(stream, 'The stream'), aText(type, 'The event type'), stringify(anObject(body, 'The body')), extra(metadata), true)
  },
  linkTo(stream, event, metadata) {
    const { sequenceNumber, streamId } = anObject(event, 'The event')
    if (typeof sequenceNumber !== 'number' || typeof streamId !== 'string')
      throw new TypeError('Invalid link to event ' + sequenceNumber + '@' + streamId)
    put('emit', aText(stream, 'The stream'), '$>', sequenceNumber + '@' + streamId, extra(metadata), false)
  },
  linkStreamTo(stream, linked, metadata) {
    put('emit', aText(stream, 'The stream'), '$@', aText(linked, 'The linked stream'), extra(metadata), false)
  },
  copyTo(stream, event, metadata) {
    const { eventType, bodyRaw, isJson } = anObject(event, 'The event')
    put('emit', aText(stream, 'The stream'), aText(eventType, 'The event type'), String(bodyRaw), extra(metadata), isJson === true)
  },
  log(...values) {
    if (logs.length < 100) logs.push(values.map((value) => typeof value === 'string' ? value : stringify(value)).join(' ,').slice(0, 1000))
  },
}
globalThis.log = acting.log
for (const [name, verb] of entries(defining)) globalThis[name] = verb

`
