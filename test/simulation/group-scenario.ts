/**
 * A consumer group in a world of programs that are killed, stopped and cut off: consumers that acknowledge, refuse, stall
 * and leave, an operator that replays, discards, stops and changes things. Then the weather clears, and all has to come
 * to its end.
 */
import { type Random, seeded } from '../../store/src/conformance/seeded.ts'
import { memory } from '../../store/src/engines/memory/index.ts'
import type { EventStore } from '../../store/src/event-store.ts'
import { createGroup, startGroup, stopGroup, updateGroup } from '../../store/src/groups/admin.ts'
import { type ConsumeOptions, consume } from '../../store/src/groups/consume.ts'
import type { Delivery } from '../../store/src/groups/delivery.ts'
import type { GivenGroupSettings } from '../../store/src/groups/group-settings.ts'
import { discardParked, parkedEvents, replayParked } from '../../store/src/groups/replay-parked.ts'
import { isVarveError } from '../../store/src/model/errors.ts'
import { openStore } from '../../store/src/open-store.ts'
import { farStore, type Weather } from './far-store.ts'
import { GroupWitness, newTally, type Tally } from './group-witness.ts'
import { createWorld, type Program, type World } from './programs.ts'

/** The group under test. */
const group = 'g'

/**
 * How long the bad weather lasts, in milliseconds of the world: in most worlds shortly, since what can go wrong goes wrong
 * within a few steps, and many of them are cheaper than a long one.
 */
const badMs = { most: 1_500, some: 6_000 } as const
/** How long anything takes that is asked of a store nearby, and how long the end may take after the bad weather. */
const nearbyMs = 6_000
const goodMs = 1_800_000

/** A running scenario. */
interface Scenario {
  readonly world: World
  readonly random: Random
  /** The store itself, right here. */
  readonly store: EventStore
  readonly witness: GroupWitness
  readonly weather: Weather
  readonly settings: GivenGroupSettings
  readonly programs: Set<Program>
  readonly badMs: number
  isGood: boolean
  /** Whether consumers park most of what they get. */
  readonly isGloomy: boolean
  started: number
  appended: number
}

/** Lives through the scenario of a seed; rejects with the first thing that may not be. */
export async function liveThrough(seed: number, tally: Tally = newTally()): Promise<void> {
  const world = createWorld(seed)
  const scenario = await world.during(() => begun(world, tally), nearbyMs)
  const { random, store, witness, weather, programs } = scenario
  const programCount = 1 + random.below(4)
  for (let count = 0; count < programCount; count++) startProgram(scenario)
  await world.during(() => trouble(scenario), 10 * badMs.some)
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
  const parked = await world.during(() => parkedEvents(store, group).toArray(), nearbyMs)
  witness.checkEnd(parked.map(({ position }) => position))
  for (const program of programs) program.kill()
  await world.during(() => store.close(), nearbyMs)
}

async function begun(world: World, tally: Tally): Promise<Scenario> {
  const { random } = world
  let ids = 0
  const newId = (): string => `00000000-0000-4000-8000-${String(++ids).padStart(12, '0')}`
  const opened = openStore({ engine: memory(), clock: world.clock, newId })
  const isFiltered = random.oneIn(3)
  const types: string[] = []
  const witness = new GroupWitness((place) => !isFiltered || types[place - 1] === 'Wanted', tally)
  const store = witnessed(opened, witness, types)
  const settings: GivenGroupSettings = {
    strategy: random.pick(['round_robin', 'pinned', 'pinned', 'single', 'overflow', 'sticky'] as const),
    retriesMax: random.below(4),
    retryDelayMs: random.pick([0, 10, 300]),
    messageTimeoutMs: random.pick([200, 1_000, 5_000]),
    memberTimeoutMs: random.pick([300, 1_000]),
    inFlightMax: random.pick([3, 10, 100]),
    bufferEvents: random.pick([1, 2, 5, 20]),
    ...random.pick([{}, { checkpointMs: 0 }, { checkpointEvents: 5, checkpointMs: 200 }]),
  }
  const weather = { latencyMs: random.pick([0, 5, 30]), lossOneIn: random.pick([0, 50, 12]) }
  const scenario = { world, random, store, witness, weather, settings, programs: new Set<Program>() }
  const filter = isFiltered ? { filter: { types: ['Wanted'] } } : {}
  await createGroup(store, group, { ...settings, ...filter, newId })
  const lasting = { badMs: random.oneIn(6) ? badMs.some : badMs.most }
  const running = { ...scenario, ...lasting, isGood: false, isGloomy: random.oneIn(8), started: 0, appended: 0 }
  await appendSome(running, random.pick([5, 5, 5, 70]))
  return running
}

/** The store, of which the witness sees each write to the group that goes through. */
function witnessed(store: EventStore, witness: GroupWitness, types: string[]): EventStore {
  const { shelf } = store
  const put: EventStore['shelf']['put'] = async (key, value, options) => {
    const version = await shelf.put(key, value, options)
    if (key === `group/${group}`) witness.wrote(key, value)
    return version
  }
  const append: EventStore['append'] = async (streamId, events, options) => {
    const appended = await store.append(streamId, events, options)
    types.push(...events.map(({ type }) => type))
    return appended
  }
  return { ...store, append, shelf: { ...shelf, put } }
}

async function appendSome(scenario: Scenario, count: number): Promise<void> {
  const { random, store } = scenario
  for (let number = 0; number < count; number++) {
    const type = random.oneIn(3) ? 'Other' : 'Wanted'
    await store.append(`S-${random.below(4)}`, [{ type, data: ++scenario.appended }])
  }
}

function startProgram(scenario: Scenario): Program {
  const { world, store, weather, programs, random } = scenario
  const program = world.start(`p${++scenario.started}`)
  programs.add(program)
  const far = farStore(world, program, store, weather)
  const consumers = 1 + random.below(3)
  for (let index = 0; index < consumers; index++) void consumeForEver(scenario, program, far, index)
  return program
}

async function consumeForEver(scenario: Scenario, program: Program, store: EventStore, index: number): Promise<void> {
  let ids = 0
  const options: ConsumeOptions = {
    name: `c${index}`,
    clock: program.clock,
    newId: () => `${program.name}/${index}.${++ids}`,
    random: () => program.random.below(1_000) / 1_000,
    ...(program.random.oneIn(3) && { bufferEvents: 1 + program.random.below(4) }),
  }
  for (;;) {
    try {
      await consumeUntilLeft(scenario, program, consume(store, group, options))
    } catch (error) {
      const isExpected = isVarveError(error, 'GROUP_STOPPED') || isVarveError(error, 'ENGINE_UNAVAILABLE')
      if (!isExpected) scenario.witness.breach ??= error as Error
      if (scenario.witness.breach !== undefined) return
    }
    await program.clock.sleep(20 + program.random.below(300))
  }
}

/** Handles deliveries in all the ways there are, one after the other; returns when it has had enough. */
async function consumeUntilLeft(
  scenario: Scenario,
  program: Program,
  deliveries: AsyncIterable<Delivery>,
): Promise<void> {
  const { witness, settings } = scenario
  const { random, clock } = program
  const unsaid: Delivery[] = []
  for await (const delivery of deliveries) {
    witness.delivered(program, delivery)
    if (random.oneIn(2)) await clock.sleep(random.below(60))
    const mood = scenario.isGood ? 0 : scenario.isGloomy && !random.oneIn(4) ? 11 : random.below(16)
    if (mood < 4) await ack(scenario, delivery)
    else if (mood < 7) await ack(scenario, delivery, 'saved')
    else if (mood < 9) void ack(scenario, delivery, random.oneIn(2) ? 'saved' : 'noted')
    else if (mood < 11) await nack(scenario, delivery, 'retry', random.oneIn(2) ? { delayMs: random.below(100) } : {})
    else if (mood === 11) await nack(scenario, delivery, 'park')
    else if (mood === 12) {
      witness.said(delivery.position)
      await nack(scenario, delivery, 'skip')
    } else if (mood === 13) {
      await clock.sleep((settings.messageTimeoutMs ?? 0) * 1.2)
      await ack(scenario, delivery)
    } else if (mood === 14) unsaid.push(delivery)
    else if (random.oneIn(3)) return
    for (const late of unsaid.splice(0, random.below(2) + (unsaid.length > 3 ? 2 : 0))) await ack(scenario, late)
  }
}

async function ack({ witness }: Scenario, delivery: Delivery, until: 'noted' | 'saved' = 'noted'): Promise<void> {
  witness.said(delivery.position)
  await allowingLoss(witness, delivery.ack({ until })).then((isKnown) => {
    if (isKnown && until === 'saved') witness.answered(delivery.position)
  })
}

async function nack({ witness }: Scenario, delivery: Delivery, ...how: Parameters<Delivery['nack']>): Promise<void> {
  await allowingLoss(witness, delivery.nack(...how))
}

/** Whether what was said is known; that it came too late, or not there, is nothing unusual. */
async function allowingLoss(witness: GroupWitness, saying: Promise<void>): Promise<boolean> {
  try {
    await saying
    return true
  } catch (error) {
    if (!isVarveError(error, 'DELIVERY_LOST') && !isVarveError(error, 'ENGINE_UNAVAILABLE')) throw error
    witness.refused()
    return false
  }
}

async function trouble(scenario: Scenario): Promise<void> {
  const { world, random } = scenario
  while (world.nowMs() < scenario.badMs && scenario.witness.breach === undefined) {
    await world.sleep(random.below(600))
    const troubles = [kill, kill, pause, pause, pause, cutOff, appendMore, appendMore, operate, operate]
    await random.pick(troubles)(scenario)
  }
}

type Trouble = (scenario: Scenario) => Promise<void>

const kill: Trouble = async (scenario) => {
  const { random, programs, world } = scenario
  if (programs.size === 0) return
  const program = random.pick([...programs])
  programs.delete(program)
  program.kill()
  await world.sleep(random.below(800))
  startProgram(scenario)
}

const pause: Trouble = async ({ random, programs, settings }) => {
  if (programs.size > 0) random.pick([...programs]).pause(random.below(3 * (settings.memberTimeoutMs ?? 0)))
}

const cutOff: Trouble = async ({ random, weather, world }) => {
  const before = weather.lossOneIn
  weather.lossOneIn = random.pick([2, 4])
  await world.sleep(random.below(1_000))
  weather.lossOneIn = before
}

const appendMore: Trouble = (scenario) => appendSome(scenario, 1 + scenario.random.below(8))

const operate: Trouble = async (scenario) => {
  const { random, store, world, settings } = scenario
  const parked = await parkedEvents(store, group).toArray()
  const some = parked.filter(() => random.oneIn(2)).map(({ position }) => position)
  const what = random.below(8)
  if (what < 2 && parked.length > 0) {
    await allowingOther(replayParked(store, group, { positions: 'all', expectedCount: parked.length }))
  } else if (what < 4) await allowingOther(replayParked(store, group, { positions: some }))
  else if (what === 4) await allowingOther(discardParked(store, group, { positions: some }))
  else if (what === 5)
    await updateGroup(store, group, { retriesMax: random.below(4), messageTimeoutMs: settings.messageTimeoutMs ?? 0 })
  else {
    await stopGroup(store, group)
    await world.sleep(random.below(1_000))
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

function isFinished({ witness, appended }: Scenario): boolean {
  const { unfinished, chores, replays, reached, stopped } = witness.group
  const isEmpty = unfinished.length + chores.length + replays.length === 0
  return isEmpty && reached === appended && stopped === undefined
}

/** The seeds to live through: the one that is to be replayed, or so many from a random one on. */
export function seedsFrom(replayed: string | undefined, count: number): readonly number[] {
  if (replayed !== undefined) return [Number(replayed)]
  const first = seeded(Date.now()).below(1_000_000_000)
  return Array.from({ length: count }, (_, index) => first + index)
}
