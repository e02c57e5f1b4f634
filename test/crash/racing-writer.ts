import { sqlite } from '../../store/src/engines/sqlite/index.ts'
import { isVarveError } from '../../store/src/model/errors.ts'
import { openStore } from '../../store/src/open-store.ts'

/** A process that appends to streams which others append to as well, deciding by their versions each time. */
const { path, name, appends, streams } = JSON.parse(process.argv[2] ?? '') as {
  readonly path: string
  readonly name: string
  readonly appends: number
  readonly streams: number
}

await using store = openStore({ engine: sqlite({ path }) })
let conflicts = 0

async function appendAsNext(streamId: string, number: number): Promise<void> {
  for (;;) {
    const { version } = await store.streamInfo(streamId)
    try {
      await store.append(streamId, [{ type: 'Raced', data: { name, number } }], { expectedVersion: version })
      return
    } catch (error) {
      if (!isVarveError(error, 'VERSION_CONFLICT')) throw error
      conflicts++
    }
  }
}

process.send?.('opened')
await new Promise((resolve) => process.once('message', resolve))
// Two at a time: group commits of this process meet those of the other one.
for (let number = 0; number < appends; number += 2) {
  await Promise.all([number, number + 1].map((each) => appendAsNext(`Race-${each % streams}`, each)))
}
process.send?.({ conflicts })
process.disconnect()
