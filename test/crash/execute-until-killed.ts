// Run by execute.test.ts: execute-until-killed.ts <file or URL> <stream> <dies at this step, 0 for never> <pace>
// A step is a moment before or after a call of the engine: everything that execute does to the world.
import { execute } from '../../store/src/deciders/execute.ts'
import type { Engine } from '../../store/src/engine/engine.ts'
import { openStore } from '../../store/src/open-store.ts'
import { account, commands, engineAt } from './account.ts'

const [, , place = '', streamId = '', diesAt = '', pace = ''] = process.argv
let left = Number(diesAt)

const step = (): void => {
  if (--left === 0) process.kill(process.pid, 'SIGKILL')
}

const stepping =
  <Given extends unknown[], Result>(call: (...given: Given) => Promise<Result>) =>
  async (...given: Given): Promise<Result> => {
    step()
    const result = await call(...given)
    step()
    return result
  }

function inSteps(engine: Engine): Engine {
  const { shelf } = engine
  return {
    ...engine,
    append: stepping(engine.append),
    read: stepping(engine.read),
    shelf: { ...shelf, get: stepping(shelf.get), put: stepping(shelf.put) },
  }
}

await using store = openStore({ engine: inSteps(engineAt(place)) })
const executed = async ([commandId, command]: (typeof commands)[number]): Promise<void> => {
  const done = await execute(store, { decider: account, streamId, command }, { commandId: `${streamId} ${commandId}` })
  await done.snapshot
}
if (pace === 'at once') await Promise.all(commands.map(executed))
else for (const command of commands) await executed(command)
process.stdout.write('done')
