// Run by groups.test.ts: consume-until-killed.ts <store> <fast | slow | position>. Tells its parent what it is handed and
// what is acknowledged. A slow one waits for the parent's word before it acknowledges; an event at the position given
// brings the program down.

import { once } from 'node:events'
import { postgres } from '../../store/src/engines/postgres/index.ts'
import { sqlite } from '../../store/src/engines/sqlite/index.ts'
import { consume } from '../../store/src/groups/consume.ts'
import { isVarveError } from '../../store/src/model/errors.ts'
import { openStore } from '../../store/src/open-store.ts'

const at = process.argv[2] ?? ''
const pace = process.argv[3] ?? ''

await using store = openStore({ engine: at.startsWith('postgres:') ? postgres({ url: at }) : sqlite({ path: at }) })
process.on('disconnect', () => process.exit())
for await (const delivery of consume(store, 'letters')) {
  const { position } = delivery
  process.send?.({ handed: position, attempt: delivery.attempt })
  if (pace === String(position)) process.kill(process.pid, 'SIGKILL')
  if (pace === 'slow') await once(process, 'message')
  const saidAtUs = Number(process.hrtime.bigint() / 1_000n)
  try {
    await delivery.ack({ until: 'saved' })
    process.send?.({ acked: position, saidAtUs })
  } catch (error) {
    if (!isVarveError(error, 'DELIVERY_LOST')) throw error
    process.send?.({ lost: position, isTold: delivery.signal.aborted })
  }
}
