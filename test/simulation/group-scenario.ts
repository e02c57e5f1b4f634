/**
 * A consumer group in a world of programs that are killed, stopped and cut off: consumers that acknowledge, refuse, stall
 * and leave, an operator that replays, discards, stops and changes things. Then the weather clears, and all has to come
 * to its end.
 */
import { startGroup } from '../../store/src/groups/admin.ts'
import { parkedEvents } from '../../store/src/groups/replay-parked.ts'
import { startProgram } from './group-consumers.ts'
import { trouble } from './group-troubles.ts'
import { newTally, type Tally } from './group-witness.ts'
import { begun, group, type Scenario } from './group-world.ts'
import { createWorld } from './programs.ts'

/** How long anything takes that is asked of a store nearby, and how long the end may take after the bad weather. */
const nearbyMs = 6_000
const goodMs = 1_800_000
/** How long trouble may go on: longer than any bad weather lasts. */
const troubleMs = 60_000

/** Lives through the scenario of a seed, and tells how it ended; rejects with the first thing that may not be. */
export async function liveThrough(seed: number, tally: Tally = newTally()): Promise<string> {
  const world = createWorld(seed)
  const scenario = await world.during(() => begun(world, tally), nearbyMs)
  const { random, store, witness, weather, programs, size } = scenario
  const programCount = 1 + random.below(size.programsMax)
  for (let count = 0; count < programCount; count++) startProgram(scenario)
  await world.during(() => trouble(scenario), troubleMs)
  scenario.isGood = true
  weather.lossOneIn = 0
  if (programs.size === 0) startProgram(scenario)
  await world.during(() => startGroup(store, group), nearbyMs)
  try {
    await world.until(() => isFinished(scenario) || witness.breach !== undefined, goodMs)
  } catch (error) {
    witness.check()
    const { unfinished, chores, members, reached } = witness.group
    throw new Error(`${error}: ${JSON.stringify({ reached, unfinished, chores, members })}`)
  }
  for (const program of programs) program.kill()
  // What was sent long ago and arrives now finds everything at its end, and must change nothing of it.
  await world.during(() => world.sleep(size.lateMs + 2 * weather.latencyMs), nearbyMs)
  const parked = await world.during(() => parkedEvents(store, group).toArray(), nearbyMs)
  witness.checkEnd(parked.map(({ position }) => position))
  await world.during(() => store.close(), nearbyMs)
  return JSON.stringify({ atMs: world.nowMs(), group: witness.group })
}

function isFinished({ witness, appended }: Scenario): boolean {
  const { unfinished, chores, replays, reached, stopped } = witness.group
  const isEmpty = unfinished.length + chores.length + replays.length === 0
  return isEmpty && reached === appended && stopped === undefined
}
