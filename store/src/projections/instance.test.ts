import { deepEqual, equal, ok } from 'node:assert/strict'
import { describe, it } from 'vitest'
import { withShelf } from '../../../test/projections/faulty.ts'
import { newTarget, receive, starting, stocked, stockOf, until, untilState } from '../../../test/projections/stock.ts'
import { systemClock } from '../engine/system-clock.ts'
import { memory } from '../engines/memory/index.ts'
import { openStore } from '../open-store.ts'
import { listProjections } from './admin.ts'
import { runProjections } from './run-projections.ts'

const leaseMs = 100
const log = () => undefined

describe('an instance', () => {
  const start = starting()

  it('tries again what failed before its start, also under the name of the one that failed', async () => {
    await using store = openStore({ engine: memory() })
    const [target, poison] = [newTarget(), new Set(['bad'])]
    const position = await receive(store, 'tea', 'bad')
    const before = start(store, stockOf({ target, poison }), { instance: 'worker-1', leaseMs })
    await untilState(store, 'failed')
    await before.stop()
    poison.clear()
    const deployed = start(store, stockOf({ target, poison }), { instance: 'worker-1', leaseMs })
    await until(async () => (await listProjections(store))[0]?.state === 'live')
    await deployed.waitFor('stock', position)
    deepEqual(stocked(target), { tea: 1, bad: 1 })
  })

  it('does not run a version whose number of partitions is another one, says so once, and runs all others', async () => {
    await using store = openStore({ engine: memory() })
    const [target, other] = [newTarget(), newTarget()]
    const before = start(store, { ...stockOf({ target: other }), name: 'a' })
    await before.waitFor('a', await receive(store, 'tea'))
    await before.stop()
    const lines: string[] = []
    const divided = { ...stockOf({ target: other, partitions: 2 }), name: 'a' }
    const told = ({ level, text }: { level: string; text: string }) => level === 'error' && lines.push(text)
    await using running = runProjections(store, [divided, stockOf({ target })], { leaseMs, log: told })
    await running.waitFor('stock', await receive(store, 'mug'))
    deepEqual(lines.length, 1)
    ok(lines[0]?.includes('partitions is 2, but version 1 of projection "a" has 1'))
    const [status] = await listProjections(store)
    deepEqual([status?.name, status?.position, status?.generations[0]?.partitions[0]?.owner], ['a', 1, undefined])
  })

  it('says that there is nothing to run for a version that a newer one has taken over from', async () => {
    await using store = openStore({ engine: memory() })
    const target = newTarget()
    const newer = start(store, stockOf({ target, version: 2 }), { leaseMs })
    await newer.waitFor('stock', await receive(store, 'tea'))
    await newer.stop()
    const older = start(store, stockOf({ target, version: 1 }), { leaseMs })
    await until(() => older.lines.length > 0)
    deepEqual(
      older.lines.map(({ level, projection, text }) => [level, projection, /^Version 1 has nothing to run/.test(text)]),
      [['warn', 'stock', true]],
    )
  })

  it('takes over from one that is dead in time, also when its own clock is set back meanwhile', async () => {
    let isDead = false
    const never = new Promise<never>(() => undefined)
    const { store, faulty } = withShelf((shelf) => ({
      put: (...given) => (isDead ? never : shelf.put(...given)),
      list: (...given) => (isDead ? never : shelf.list(...given)),
    }))
    const target = newTarget()
    // Never stopped: it hangs for good.
    const dead = runProjections(faulty, [stockOf({ target })], { instance: 'dead', leaseMs, log })
    await dead.waitFor('stock', await receive(store, 'tea'))
    let setBackMs = 0
    const clock = { ...systemClock, now: () => systemClock.now() - setBackMs }
    const running = start(store, stockOf({ target }), { leaseMs, clock })
    const owner = async () => (await listProjections(store))[0]?.generations[0]?.partitions[0]?.owner
    await until(async () => (await store.shelf.list({ prefix: 'projection/member/' }).toArray()).length === 2)
    equal(await owner(), 'dead')
    isDead = true
    setBackMs = 3_600_000
    await until(async () => (await owner()) === running.instance)
  })
})
