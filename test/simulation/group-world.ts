/** What a world of a consumer group consists of: the store with its events, the group, the weather, and who watches. */
import type { Random } from '../../store/src/conformance/seeded.ts'
import { memory } from '../../store/src/engines/memory/index.ts'
import type { EventStore } from '../../store/src/event-store.ts'
import { createGroup } from '../../store/src/groups/admin.ts'
import type { GivenGroupSettings } from '../../store/src/groups/group-settings.ts'
import { openStore } from '../../store/src/open-store.ts'
import type { Weather } from './far-store.ts'
import { GroupWitness, type Tally } from './group-witness.ts'
import type { Program, World } from './programs.ts'

/** The group under test. */
export const group = 'g'

/** How much there is in a world, and how long things last there, in milliseconds of the world. */
interface Size {
  readonly programsMax: number
  readonly consumersMax: number
  /** How many events there may be at the beginning. */
  readonly events: readonly number[]
  /** How many may be appended at a time later. */
  readonly appendedMax: number
  /** How many different things go wrong in one world: where it is few, the same ones follow each other. */
  readonly kindsOfTrouble: number
  /** In one of so many worlds, consumers park most of what they get. */
  readonly gloomyOneIn: number
  /** How long the weather may be bad. */
  readonly badMs: readonly number[]
  /** The longest that nothing happens, that nobody comes in place of a program, that a way is cut, that the group is stopped. */
  readonly restMs: number
  readonly awayMs: number
  readonly cutMs: number
  readonly stopMs: number
  /** How late a request may arrive: later than its sender is taken for lost, or than its event has come to its end. */
  readonly lateMs: number
  readonly messageTimeoutsMs: readonly number[]
  readonly memberTimeoutsMs: readonly number[]
  readonly retryDelaysMs: readonly number[]
  /** One in so many calls is lost, 0 for none. */
  readonly losses: readonly number[]
}

/**
 * Most worlds are small: what can go wrong goes wrong within a few steps, and many of them are cheaper than a long one.
 * Signs of life are what a world costs, so little more time passes than it takes to be taken for lost, and one or two things
 * go wrong again and again in it: an event that is lost twice, or parked when an operator looks, needs no long wait then.
 */
const small: Size = {
  ...{ programsMax: 2, consumersMax: 2, events: [2, 3, 4], appendedMax: 2, badMs: [400] },
  ...{ kindsOfTrouble: 2, gloomyOneIn: 4, restMs: 120, awayMs: 250, cutMs: 250, stopMs: 250, lateMs: 1_500 },
  ...{ messageTimeoutsMs: [100, 400], memberTimeoutsMs: [100, 300], retryDelaysMs: [0, 10, 60], losses: [0, 20, 6] },
}
/** One in so many is large. */
const largeOneIn = 50
const large: Size = {
  ...{ programsMax: 4, consumersMax: 3, events: [5, 5, 5, 70], appendedMax: 8 },
  badMs: [1_500, 1_500, 1_500, 1_500, 1_500, 6_000],
  ...{ kindsOfTrouble: 10, gloomyOneIn: 8, restMs: 600, awayMs: 800, cutMs: 1_000, stopMs: 1_000, lateMs: 1_500 },
  ...{ messageTimeoutsMs: [200, 1_000, 5_000], memberTimeoutsMs: [300, 1_000], retryDelaysMs: [0, 10, 300] },
  losses: [0, 50, 12],
}

/** A running scenario. */
export interface Scenario {
  readonly world: World
  readonly random: Random
  readonly size: Size
  /** The store itself, right here. */
  readonly store: EventStore
  readonly witness: GroupWitness
  readonly weather: Weather
  readonly settings: GivenGroupSettings & { readonly messageTimeoutMs: number; readonly memberTimeoutMs: number }
  readonly programs: Set<Program>
  readonly badMs: number
  isGood: boolean
  /** Whether consumers park most of what they get. */
  readonly isGloomy: boolean
  started: number
  appended: number
}

/** A world with a group, some events, and nobody yet. */
export async function begun(world: World, tally: Tally): Promise<Scenario> {
  const { random } = world
  const size = random.oneIn(largeOneIn) ? large : small
  let ids = 0
  const newId = (): string => `00000000-0000-4000-8000-${String(++ids).padStart(12, '0')}`
  const opened = openStore({ engine: memory(), clock: world.clock, newId })
  const isFiltered = random.oneIn(3)
  const types: string[] = []
  const witness = new GroupWitness((place) => !isFiltered || types[place - 1] === 'Wanted', tally)
  const store = witnessed(opened, witness, types)
  const settings = {
    strategy: random.pick(['round_robin', 'pinned', 'pinned', 'single', 'overflow', 'sticky'] as const),
    retriesMax: random.below(4),
    retryDelayMs: random.pick(size.retryDelaysMs),
    messageTimeoutMs: random.pick(size.messageTimeoutsMs),
    memberTimeoutMs: random.pick(size.memberTimeoutsMs),
    inFlightMax: random.pick([3, 10, 100]),
    bufferEvents: random.pick([1, 2, 5, 20]),
    ...random.pick([{}, { checkpointMs: 0 }, { checkpointEvents: 5, checkpointMs: 200 }]),
  }
  const { lateMs } = size
  const weather: Weather = {
    ...{ latencyMs: random.pick([0, 5, 30]), lossOneIn: random.pick(size.losses), lateMs },
    struck: (how) => void tally[how]++,
  }
  const filter = isFiltered ? { filter: { types: ['Wanted'] } } : {}
  await createGroup(store, group, { ...settings, ...filter, newId })
  const scenario: Scenario = {
    ...{ world, random, size, store, witness, weather, settings, programs: new Set<Program>() },
    ...{
      badMs: random.pick(size.badMs),
      isGood: false,
      isGloomy: random.oneIn(size.gloomyOneIn),
      started: 0,
      appended: 0,
    },
  }
  await appendSome(scenario, random.pick(size.events))
  return scenario
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

/** Appends some events, of which the group may want most. */
export async function appendSome(scenario: Scenario, count: number): Promise<void> {
  const { random, store } = scenario
  for (let number = 0; number < count; number++) {
    const type = random.oneIn(3) ? 'Other' : 'Wanted'
    await store.append(`S-${random.below(4)}`, [{ type, data: ++scenario.appended }])
  }
}
