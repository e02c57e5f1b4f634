import { performance } from 'node:perf_hooks'
import { openBenchStore } from '../engines.ts'
import { newEvent } from '../load/events.ts'

/** Another process on the same store: appends one event each time it is told to, and says when it began. */
const [engine = '', folder = ''] = process.argv.slice(2)
const store = openBenchStore(engine, folder)
process.on('message', (message) => {
  void append(Number(message))
})
process.once('disconnect', () => {
  void store.close()
})
process.send?.('opened')

async function append(nth: number): Promise<void> {
  const startedAtMs = performance.timeOrigin + performance.now()
  const { position } = await store.append('Live-1', [newEvent('Live-1', nth, nth)], { expectedVersion: nth })
  process.send?.({ position, startedAtMs })
}
