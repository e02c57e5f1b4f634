// Run by engine-processes.test.ts: engine-writer.ts <Writing as JSON>. Says 'opened', waits for a word, appends, tells of every
// answer, and says 'over'.

import { once } from 'node:events'
import { setTimeout as delay } from 'node:timers/promises'
import { kurrentdb } from '../../store/src/engines/kurrentdb/index.ts'
import { isVarveError } from '../../store/src/model/errors.ts'
import { openStore } from '../../store/src/open-store.ts'

/** What a writer is to do. */
export interface Writing {
  readonly url: string
  readonly namespace: string
  readonly name: string
  readonly appends: number
  readonly streams: number
}

/** An append that was answered. */
export interface Answered {
  readonly id: string
  readonly position: number
  readonly conflicts: number
}

const { url, namespace, name, appends, streams } = JSON.parse(process.argv[2] ?? '') as Writing
const store = openStore({ engine: kurrentdb({ url, namespace }) })
/** Versions as this process last heard of them: often stale, which is the point. */
const known = new Map<string, number>()

await store.head()
process.send?.('opened')
await once(process, 'message')
for (let number = 0; number < appends; number++) process.send?.(await append(number))
await store.close()
process.send?.('over')
process.disconnect()

/** Appends until it went through, under the same id: after a conflict, and after a server that went away. */
async function append(number: number): Promise<Answered> {
  const streamId = `Race-${number % streams}`
  for (let conflicts = 0; ; ) {
    const expectedVersion = known.get(streamId) ?? 0
    const options = { expectedVersion, idempotencyKey: `${name} ${number}` }
    try {
      const { position, version } = await store.append(streamId, [{ type: 'Raced', data: { name, number } }], options)
      known.set(streamId, version)
      return { id: `${name} ${number}`, position, conflicts }
    } catch (error) {
      if (isVarveError(error, 'VERSION_CONFLICT')) {
        known.set(streamId, error.actual)
        conflicts++
      } else if (isVarveError(error, 'ENGINE_UNAVAILABLE')) await delay(50)
      else throw error
    }
  }
}
