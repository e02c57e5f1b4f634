import { linksTo } from '../model/traceparent.ts'
import { type SpanAttributes, spanKinds, type Tracer } from '../model/tracer.ts'
import type { AppendRequest, Engine, ReadQuery, Shelf } from './engine.ts'
import { inSpan } from './span.ts'

/**
 * The same engine with a span for each commit and for each page that is read. A commit carries the appends of many, so it
 * is a trace of its own, linked to the spans of those appends that have one.
 */
export function traced(engine: Engine, tracer: Tracer): Engine {
  const { capabilities } = engine
  const kind = spanKinds.client
  return {
    capabilities,
    shelf: tracedShelf(engine, tracer),
    append: (batch, signal) => {
      const events = batch.reduce((sum, request) => sum + request.events.length, 0)
      const attributes = { 'varve.engine': capabilities.engine, 'varve.appends': batch.length, 'varve.events': events }
      const start = {
        kind,
        root: true,
        attributes,
        links: linksTo(batch.map((request) => ({ traceparent: traceparentIn(request) }))),
      }
      return inSpan(tracer, 'varve.commit', start, () => engine.append(batch, signal))
    },
    ...(engine.appendWithin && { appendWithin: engine.appendWithin }),
    read: (query, signal) =>
      inSpan(tracer, 'varve.read', { kind, attributes: attributesOf(engine, query) }, async (span) => {
        const page = await engine.read(query, signal)
        span.setAttribute('varve.events', page.events.length)
        return page
      }),
    find: (eventId, signal) => engine.find(eventId, signal),
    head: (signal) => engine.head(signal),
    ...(engine.heads && { heads: engine.heads }),
    streams: (query, signal) => engine.streams(query, signal),
    wake: (signal) => engine.wake(signal),
    close: () => engine.close(),
  }
}

/** One span for each call, named after its verb. */
function tracedShelf({ shelf, capabilities: { engine } }: Engine, tracer: Tracer): Shelf {
  const during = <Result>(verb: string, where: SpanAttributes, call: () => Promise<Result>): Promise<Result> =>
    inSpan(
      tracer,
      `varve.shelf.${verb}`,
      { kind: spanKinds.client, attributes: { 'varve.engine': engine, ...where } },
      call,
    )
  return {
    get: (key, ...more) => during('get', { 'varve.key': key }, () => shelf.get(key, ...more)),
    put: (key, ...more) => during('put', { 'varve.key': key }, () => shelf.put(key, ...more)),
    delete: (key, ...more) => during('delete', { 'varve.key': key }, () => shelf.delete(key, ...more)),
    list: (query, ...more) => during('list', { 'varve.prefix': query.prefix }, () => shelf.list(query, ...more)),
  }
}

function attributesOf({ capabilities }: Engine, { source, direction, from, shard }: ReadQuery) {
  return {
    'varve.engine': capabilities.engine,
    ...('streamId' in source && { 'varve.stream': source.streamId }),
    ...(shard !== undefined && { 'varve.shard': shard }),
    'varve.direction': direction,
    'varve.from': from,
  }
}

/** Events of one append have the same; it is looked for in the text, since parsing would cost more than it is worth. */
function traceparentIn({ events }: AppendRequest): string | undefined {
  const metadata = events[0]?.metadata
  return typeof metadata === 'string' ? /"traceparent":"([\da-f-]{55,})"/.exec(metadata)?.[1] : undefined
}
