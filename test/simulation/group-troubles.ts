/** What befalls the programs of a world, and what its operator does. */
import { startGroup, stopGroup, updateGroup } from '../../store/src/groups/admin.ts'
import { discardParked, parkedEvents, replayParked } from '../../store/src/groups/replay-parked.ts'
import { isVarveError } from '../../store/src/model/errors.ts'
import { startProgram } from './group-consumers.ts'
import { appendSome, group, type Scenario } from './group-world.ts'

/** One trouble after the other, as long as the weather is bad. */
export async function trouble(scenario: Scenario): Promise<void> {
  const { world, random, size } = scenario
  const troubles = Array.from({ length: size.kindsOfTrouble }, () => random.pick(allTroubles))
  while (world.nowMs() < scenario.badMs && scenario.witness.breach === undefined) {
    await world.sleep(random.below(size.restMs))
    await random.pick(troubles)(scenario)
  }
}

type Trouble = (scenario: Scenario) => Promise<void>

const kill: Trouble = async (scenario) => {
  const { random, programs, world, size, witness } = scenario
  if (programs.size === 0) return
  const program = random.pick([...programs])
  programs.delete(program)
  witness.struck(program, 'killed')
  program.kill()
  // The others have to do without it, or another one comes.
  if (programs.size > 0 && random.oneIn(3)) return
  await world.sleep(random.below(size.awayMs))
  startProgram(scenario)
}

const pause: Trouble = async ({ random, programs, settings, witness }) => {
  if (programs.size === 0) return
  const program = random.pick([...programs])
  witness.struck(program, 'paused')
  program.pause(random.below(3 * settings.memberTimeoutMs))
}

const cutOff: Trouble = async ({ random, weather, world, size }) => {
  const before = weather.lossOneIn
  weather.lossOneIn = random.pick([2, 4])
  await world.sleep(random.below(size.cutMs))
  weather.lossOneIn = before
}

const appendMore: Trouble = (scenario) => appendSome(scenario, 1 + scenario.random.below(scenario.size.appendedMax))

const operate: Trouble = async (scenario) => {
  const { random, store, world, settings, size, witness } = scenario
  const parked = await parkedEvents(store, group).toArray()
  const some = parked.filter(() => random.oneIn(2)).map(({ position }) => position)
  const what = random.below(8)
  if (what < 2 && parked.length > 0) {
    await allowingOther(replayParked(store, group, { positions: 'all', expectedCount: parked.length }))
  } else if (what < 4) await allowingOther(replayParked(store, group, { positions: some }))
  else if (what === 4) await allowingOther(discardParked(store, group, { positions: some }))
  else if (what === 5) {
    const { messageTimeoutMs } = settings
    await updateGroup(store, group, { retriesMax: random.below(4), messageTimeoutMs })
  } else {
    witness.stopped()
    await stopGroup(store, group)
    await world.sleep(random.below(size.stopMs))
    await startGroup(store, group)
  }
}

/** Consumers go on while an operator makes up its mind. */
async function allowingOther(operation: Promise<unknown>): Promise<void> {
  try {
    await operation
  } catch (error) {
    if (!isVarveError(error, 'PARKED_COUNT_DIFFERS')) throw error
  }
}

/** Some are more frequent than others. */
const allTroubles = [kill, kill, pause, pause, pause, cutOff, appendMore, appendMore, operate, operate]
