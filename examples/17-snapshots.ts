// A long stream, folded from its last snapshot on. Run with: node examples/17-snapshots.ts
import assert from 'node:assert/strict'
import { defineDecider, defineEvents, event, execute, foldStream, openStore, shelfSnapshots } from 'varve'
import { sqlite } from 'varve/sqlite'

const meter = defineDecider({
  events: defineEvents({ PowerMeasured: event<{ watts: number }>() }),
  initialState: () => ({ measured: 0, peak: 0 }),
  decide: (watts: number) => ({ type: 'PowerMeasured', data: { watts } }),
  evolve: ({ measured, peak }, { data }) => ({ measured: measured + 1, peak: Math.max(peak, data.watts) }),
  // Raise the version whenever evolve, or what it returns, changes: older snapshots are then left alone.
  snapshot: { name: 'meter', version: 1, everyEvents: 500 },
})

await using store = openStore({ engine: sqlite({ path: ':memory:' }) })
const streamId = 'Meter-7'
const history = Array.from({ length: 9_999 }, (_, n) => ({ type: 'PowerMeasured', data: { watts: n % 3_000 } }))
await store.append(streamId, history)

// The first command reads all there is and leaves a snapshot behind, after it has been answered.
const task = { decider: meter, streamId }
const first = await execute(store, { ...task, command: 2_500 })
assert.deepEqual(await first.snapshot, { status: 'taken', version: 9_999 })

// From now on only what came since is read.
const folded = await foldStream(store, task)
assert.deepEqual(folded.state, { measured: 10_000, peak: 2_999 })
assert.deepEqual([folded.snapshotVersion, folded.eventsFolded], [9_999, 1])
console.log(`Version ${folded.version}, folded from ${folded.eventsFolded} event and a snapshot.`)

// A snapshot is no truth of its own: without it the state is the same.
await shelfSnapshots(store.shelf).remove(streamId)
const again = await foldStream(store, task)
assert.deepEqual([again.state, again.eventsFolded], [folded.state, 10_000])
