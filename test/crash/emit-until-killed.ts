// Run by user-projection.test.ts: emit-until-killed.ts <file> <dies at this step, 0 for never>
// Runs the projections of a store, as a server does. Each append is two steps, one before it and one after, when it is on
// disk and nobody knows: by the clock alone a kill would almost never fall between the two.
import { randomUUID } from 'node:crypto'
import { type EventStore, openStore, systemClock } from 'varve'
import { sqlite } from 'varve/sqlite'
import { Supervisor } from '../../server/src/kurrent/projections/supervisor.ts'

const path = process.argv[2] ?? ''
let left = Number(process.argv[3])

function step(): void {
  if (--left === 0) process.kill(process.pid, 'SIGKILL')
}

const opened = openStore({ engine: sqlite({ path }) })
const store: EventStore = {
  ...opened,
  appendAll: async (writes, options) => {
    step()
    const appended = await opened.appendAll(writes, options)
    step()
    return appended
  },
}

const projections = new Supervisor({
  store,
  clock: systemClock,
  newId: randomUUID,
  limits: { eventMs: 1_000, memoryMib: 64, emits: 10, stateBytes: 10_000, running: 1 },
  // Whoever ran it before was killed.
  leaseMs: 1,
  logged: (_, text) => process.stderr.write(`${text}\n`),
})
while (projections.runOf('sums')?.figures.phase !== 'Running') {
  await projections.look()
  await systemClock.sleep(10)
}
process.stdout.write('working\n')
