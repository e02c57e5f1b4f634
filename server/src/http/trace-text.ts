import { type Trace, type TracedEvent, toEnvelope } from 'varve'

/** A trace as JSON text. */
export function traceText({ correlationId, roots, complete }: Trace): string {
  return `{"correlation_id":${JSON.stringify(correlationId)},"roots":${treesText(roots)},"complete":${complete}}`
}

/**
 * A loop instead of a function that calls itself, as JSON.stringify does: thousands of events, each caused by the one before
 * it, are nested deeper than any stack.
 */
function treesText(roots: readonly TracedEvent[]): string {
  const open = [roots.values()]
  let text = '['
  let hasBefore = false
  for (let level = open.at(-1); level !== undefined; level = open.at(-1)) {
    const next = level.next()
    if (next.done === true) {
      open.pop()
      text += open.length === 0 ? ']' : ']}'
      hasBefore = true
    } else {
      const { event, effects } = next.value
      text += `${hasBefore ? ',' : ''}{"event":${JSON.stringify(toEnvelope(event))},"effects":[`
      open.push(effects.values())
      hasBefore = false
    }
  }
  return text
}
