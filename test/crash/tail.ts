import { sqlite } from '../../store/src/engines/sqlite/index.ts'
import { openStore } from '../../store/src/open-store.ts'

/** A process that only follows, and reports every event it is given with the time it came. */
await using store = openStore({ engine: sqlite({ path: process.argv[2] ?? '' }) })
process.send?.('opened')
for await (const { position, streamId, version, data } of store.subscribe()) {
  process.send?.({ position, streamId, version, data, atMs: Date.now() })
}
