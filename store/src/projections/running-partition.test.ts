import { deepEqual, equal, ok } from 'node:assert/strict'
import { describe, it } from 'vitest'
import { systemClock } from '../engine/system-clock.ts'
import { memory } from '../engines/memory/index.ts'
import { firstCheckpoint } from '../model/target.ts'
import { openStore } from '../open-store.ts'
import { type Kept, noCounts, type PartitionEntry, partitionKey, projectionShelf } from './projection-shelf.ts'
import { type ProjectionLogLine, RunningPartition } from './running-partition.ts'

const key = partitionKey('stock', 1, 1)
const value: PartitionEntry = {
  ...{ projection: 'stock', generation: 1, partition: 1, state: 'new', owner: 'a', epoch: 1, position: 0, parked: 0 },
  ...{ counts: noCounts, skipped: [], requests: [] },
}
const replay = { kind: 'replay', positions: [7] } as const

async function claimed() {
  const shelf = projectionShelf(openStore({ engine: memory() }).shelf)
  const kept = (await shelf.put({ key, value, entryVersion: 0 })) as Kept<PartitionEntry>
  const lines: ProjectionLogLine[] = []
  const log = (line: ProjectionLogLine) => lines.push(line)
  // Time stands still between two looks, so that the test says when something is told.
  const clock = { ...systemClock, sleep: () => systemClock.turn() }
  const running = new RunningPartition(kept, {
    shelf,
    clock,
    owner: 'a',
    log,
    ending: new AbortController().signal,
    changed: () => undefined,
    caughtUp: () => undefined,
  })
  return { shelf, kept, running, lines, found: async () => (await shelf.partition(key))?.value }
}

const untilAborted = (signal: AbortSignal) => (): Promise<never> =>
  new Promise((_, reject) => signal.addEventListener('abort', () => reject(signal.reason)))

describe('a partition that runs', () => {
  it('hears what is asked while it tells how it goes', async () => {
    const { shelf, kept, running, found } = await claimed()
    const interruption = running.interruption()
    await shelf.put({ ...kept, value: { ...value, requests: [replay] } })
    const over = running.during(untilAborted(running.stopping.signal))
    running.reached({ ...firstCheckpoint(1), position: 5 }, 'live')
    while ((await found())?.position !== 5) await systemClock.turn()
    deepEqual([running.requests(), interruption.aborted], [[replay], true])
    await running.carriedOut(replay)
    deepEqual((await found())?.requests, [])
    running.stopping.abort()
    await over
  })

  it('does not forget what is asked of it over a look that began before', async () => {
    const { shelf, kept, running, found } = await claimed()
    await shelf.put({ ...kept, value: { ...value, requests: [replay] } })
    const over = running.during(untilAborted(running.stopping.signal))
    running.reached({ ...firstCheckpoint(1), position: 5 }, 'live')
    while ((await found())?.position !== 5) await systemClock.turn()
    running.hear(kept)
    deepEqual(running.requests(), [replay])
    running.stopping.abort()
    await over
  })

  it('stops when somebody else has claimed it, and leaves the entry to the new owner', async () => {
    const { shelf, kept, running, found } = await claimed()
    const theirs = { ...value, owner: 'b', epoch: 2 }
    await shelf.put({ ...kept, value: theirs })
    const over = running.during(untilAborted(running.stopping.signal))
    running.reached({ ...firstCheckpoint(1), position: 5 }, 'live')
    await over
    deepEqual(await found(), theirs)
  })

  it('says why it stopped, and gives itself back', async () => {
    const { running, lines, found } = await claimed()
    await running.during(() => Promise.reject(new RangeError('no shelf')))
    const { state, owner, failure } = (await found()) ?? {}
    deepEqual([state, owner, failure?.reason, failure?.triedBy], ['failed', undefined, 'no shelf', ['a']])
    equal(lines[0]?.level, 'error')
    ok(lines[0]?.text.includes('no shelf'))
  })
})
