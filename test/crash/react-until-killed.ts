// Run by reaction.test.ts: react-until-killed.ts <store> <dies before this step, counted from 0; -1 for never>

import { systemClock } from '../../store/src/engine/system-clock.ts'
import { postgres } from '../../store/src/engines/postgres/index.ts'
import { sqlite } from '../../store/src/engines/sqlite/index.ts'
import { openStore } from '../../store/src/open-store.ts'
import { react } from '../../store/src/reactions/react.ts'
import { isSettled, longAfter, mortalSend, mortalStore } from '../reactions/mortal.ts'
import { checkout, worker } from '../reactions/orders.ts'

const at = process.argv[2] ?? ''
const diesBefore = Number(process.argv[3])

let steps = 0
function step(): void {
  if (steps++ === diesBefore) process.kill(process.pid, 'SIGKILL')
}

await using store = openStore({ engine: at.startsWith('postgres:') ? postgres({ url: at }) : sqlite({ path: at }) })
const reaction = checkout({ send: mortalSend(worker(store), step) })
await using _running = react(mortalStore(store, step), reaction, { clock: longAfter })
while (!(await isSettled(store))) await systemClock.sleep(5)
