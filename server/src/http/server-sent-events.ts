import type { ServerResponse } from 'node:http'
import type { Clock } from 'varve'

/** Begins an answer of server-sent events (WHATWG HTML, section 9.2) with its first words. */
export function beginEvents(response: ServerResponse, firstWords: string): void {
  response.writeHead(200, {
    'content-type': 'text/event-stream',
    'cache-control': 'no-store',
    // Proxies that gather answers would hold events back.
    'x-accel-buffering': 'no',
  })
  response.write(firstWords)
}

/** One event as it is sent. */
export function frame(event: string, data: object, id?: number | string): string {
  return `${id === undefined ? '' : `id: ${id}\n`}event: ${event}\ndata: ${JSON.stringify(data)}\n\n`
}

/** Gives signs of life until the signal aborts. A client that does not take what it has been sent gets none on top. */
export async function sendHeartbeats(
  response: ServerResponse,
  clock: Clock,
  everyMs: number,
  signal: AbortSignal,
): Promise<void> {
  for (;;) {
    await clock.sleep(everyMs, signal)
    if (signal.aborted || response.writableEnded) return
    if (!response.writableNeedDrain) response.write(': alive\n\n')
  }
}
