import type { Reading } from '../streams/reading.ts'
import { type NumberedEvent, readDownwards, readUpwards } from './numbered-events.ts'
import { resolveEntries } from './resolve-entries.ts'
import { entryOf, type View } from './view.ts'

/** Events whose links are followed together. */
export const togetherMax = 256

/** Reads a view as if it were a stream. One without entries is not there. */
export async function readView(reading: Reading, view: View, count: number): Promise<void> {
  const { store, numbering, request, signal, responses } = reading
  const head = await store.head({ signal })
  const range = { store, numbering, view, head, signal }
  const { direction, from } = request
  const begin = typeof from === 'number' ? from : from === 'start' ? 0 : Number.POSITIVE_INFINITY
  const numbered =
    direction === 'forward' ? readUpwards({ ...range, from: begin }) : readDownwards({ ...range, from: begin })
  let sent = 0
  let together: NumberedEvent[] = []
  while (sent + together.length < count) {
    const next = await numbered.next()
    if (next.done === true) break
    together.push(next.value)
    if (together.length < togetherMax) continue
    sent += await sendEntries(reading, view, together)
    together = []
  }
  sent += await sendEntries(reading, view, together)
  await numbered.return(0)
  if (sent > 0) return
  const any = readUpwards({ ...range, from: 0 })
  const first = await any.next()
  if (first.done === true) responses.streamNotFound(view.name)
  await any.return(0)
}

/** Sends entries, with what they link to when the client wants that. Gives how many. */
export async function sendEntries(reading: Reading, view: View, numbered: readonly NumberedEvent[]): Promise<number> {
  const { request, responses } = reading
  const entries = request.resolveLinks
    ? await resolveEntries(reading, view, numbered)
    : numbered.map(({ event, number }) => ({ event: entryOf(view, event, number) }))
  for (const entry of entries) await responses.event(entry)
  return numbered.length
}
