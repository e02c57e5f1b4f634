// Run by race.test.ts: tailing-reader.ts <url>. Follows the log from the beginning and refuses whatever is not the next
// position and the next version of its stream. Told a position, it goes on up to there and says what it has seen.

import { openStore } from '../../store/src/open-store.ts'
import { engineAt } from '../engine-at.ts'
import { createLogDigest } from './log-digest.ts'

let last = Number.POSITIVE_INFINITY
await using store = openStore({ engine: engineAt(process.argv[2] ?? '', 3) })
const digest = createLogDigest()
const versions = new Map<string, number>()
let seen = 0

await store.head()
process.on('message', (position) => {
  last = Number(position)
  if (seen >= last) tell()
})
process.send?.('opened')
for await (const event of store.subscribe()) {
  const { position, streamId, version } = event
  const before = versions.get(streamId) ?? 0
  if (position !== seen + 1) throw new Error(`position ${position} was delivered after ${seen}`)
  if (version !== before + 1) throw new Error(`version ${version} of ${streamId} was delivered after ${before}`)
  seen = position
  versions.set(streamId, version)
  digest.add(event)
  if (seen >= last) tell()
}

function tell(): void {
  process.send?.({ seen, digest: digest.value() })
  process.disconnect?.()
  void store.close()
}
