import { InvalidArgument } from '../../model/errors.ts'
import { checkpointFrom, type Generations, type Target } from '../../model/target.ts'
import { turn } from '../targets/scene.ts'
import {
  type Counts,
  forget,
  type Moves,
  merge,
  openWith,
  rightMoves,
  type Storage,
  save,
  type Twist,
  targetOn,
  twisted,
  type WrongTarget,
  wrong,
} from './wrong.ts'

const { drop, entries, key, lock, publish, shown } = rightMoves

/** A target whose generations are different in one way. */
function generating(
  change: (
    generations: Generations<Counts>,
    target: Required<Target<Counts>>,
    storage: Storage,
  ) => Partial<Generations<Counts>>,
): Twist {
  return (target, storage) => ({
    generations: { ...target.generations, ...change(target.generations, target, storage) },
  })
}

const shownOf = (projection: string): string => `${projection}\0shown`

/** Wrong about generations and their entries. */
export const wrongGenerations: readonly WrongTarget[] = [
  wrong(
    'keeps one checkpoint for all generations',
    [
      'atomic/crash',
      'generations/apart',
      'generations/crash-drop',
      'generations/drop',
      'generations/drop-fences',
      'generations/reopen',
      'replays/after-crash',
    ],
    () => {
      const shared = new Map<string, string>()
      return {
        found: (_, name) => {
          const text = shared.get(name)
          return text === undefined ? undefined : checkpointFrom(text)
        },
        commit: (build, write) => {
          save(build, write)
          merge(build, write)
          shared.set(write.change.projection, write.moves.text(write.change.next))
        },
      }
    },
  ),
  twisted(
    'makes a generation anew each time it is opened',
    ['generations/close-one', 'generations/drop', 'generations/reopen', 'generations/same', 'names/generations'],
    generating((generations, _, storage) => ({
      open: async (given) => {
        if (storage.published.get(given.projection) !== given.generation) forget(storage, key(given))
        return generations.open(given)
      },
    })),
  ),
  wrong(
    'shows a generation before it is published',
    ['generations/apart', 'generations/at-once', 'generations/beside', 'generations/hidden', 'generations/shown'],
    () => ({
      shown: (storage, moves) => ([...storage.builds.values()].at(-1) ?? { rows: shown(storage, moves) }).rows,
    }),
  ),
  wrong(
    'never goes back to an older generation',
    ['generations/at-once', 'generations/beside', 'generations/shown'],
    () => ({
      publish: (storage, given, moves) => {
        if ((storage.published.get(given.projection) ?? 0) < given.generation) publish(storage, given, moves)
      },
    }),
  ),
  wrong(
    'shows none for a moment',
    ['generations/at-once', 'generations/crash-publish', 'generations/publish-missing'],
    () => ({
      publish: async (storage, given, moves) => {
        storage.published.delete(given.projection)
        await turn()
        await publish(storage, given, moves)
      },
    }),
  ),
  wrong('shows a generation as it was when it was published', ['generations/emptied', 'generations/goes-on'], () => {
    let snapshot: Counts | undefined
    return {
      publish: async (storage, given, moves) => {
        await publish(storage, given, moves)
        snapshot = new Map(storage.builds.get(key(given))?.rows)
      },
      shown: (storage, moves) => snapshot ?? shown(storage, moves),
    }
  }),
  wrong('publishes what is not there', ['entries/missing', 'generations/publish-missing'], () => ({
    publish: ({ published }, given) => void published.set(given.projection, given.generation),
  })),
  wrong(
    'leaves checkpoints when a generation is dropped',
    [
      'generations/crash-drop',
      'generations/drop',
      'generations/drop-beside',
      'generations/drop-fences',
      'generations/drop-published',
    ],
    () => ({
      drop: (storage, given) => {
        const build = storage.builds.get(key(given))
        if (build !== undefined) build.rows = new Map()
      },
    }),
  ),
  wrong('drops what readers see', ['generations/drop-published'], () => ({
    drop: (storage, given) => forget(storage, key(given)),
  })),
  wrong('cannot drop what is not there', ['generations/drop-missing'], () => ({
    drop: (storage, given, moves) => {
      if (!storage.builds.has(key(given))) throw new InvalidArgument('generation', 'is not there')
      return drop(storage, given, moves)
    },
  })),
  wrong(
    'lets go on writing who writes to a dropped generation',
    ['generations/drop-beside', 'generations/drop-fences'],
    () => ({
      drop: async (storage, given, moves) => {
        const build = storage.builds.get(key(given))
        await drop(storage, given, moves)
        if (build !== undefined) build.dropped = false
      },
    }),
  ),
  twisted(
    'closes what it has opened of a dropped generation, and nothing else',
    ['generations/drop-beside'],
    generating((generations, _, storage) => {
      const opened: { readonly of: string; readonly target: Target<Counts> }[] = []
      return {
        open: async (given) => {
          const target = await generations.open(given)
          opened.push({ of: key(given), target })
          return target
        },
        drop: async (given) => {
          const build = storage.builds.get(key(given))
          await generations.drop(given)
          if (build !== undefined) build.dropped = false
          for (const { of, target } of opened) if (of === key(given)) await target.close()
        },
      }
    }),
  ),
  twisted(
    'rounds numbers of generations',
    ['generations/numbers'],
    generating((generations) => ({
      open: ({ projection, generation }) => generations.open({ projection, generation: Math.ceil(generation) }),
    })),
  ),
  twisted(
    'closes with one of its generations',
    ['generations/close-one'],
    generating((generations, { close }) => ({
      open: async (given) => {
        const opened = await generations.open(given)
        return {
          ...opened,
          get readModel() {
            return opened.readModel
          },
          close,
        }
      },
    })),
  ),
  twisted(
    'leaves its generations open when it is closed',
    ['generations/close-all'],
    generating((generations, _, storage) => {
      const other = targetOn(storage, rightMoves)
      return {
        open: async (given) => {
          await generations.open(given)
          return other.generations.open(given)
        },
      }
    }),
  ),
  wrong(
    'takes generations of two projections for one',
    ['generations/several-projections', 'names/generations'],
    () => ({ key: ({ generation }) => String(generation) }),
  ),
  wrong('takes projections for one another whose files would have one name', ['names/generations'], () => ({
    key: ({ projection, generation }) => `${projection.toLowerCase().replace(/\W/g, '_')}.${generation}`,
  })),
  twisted(
    'tells no other process what is published',
    ['generations/beside', 'generations/crash-publish', 'generations/reopen'],
    (target, storage) => {
      const own = new Map<string, number>()
      return {
        get readModel() {
          return shown({ ...storage, published: own }, rightMoves)
        },
        generations: {
          ...target.generations,
          publish: async (given) => {
            await target.generations.publish(given)
            own.set(given.projection, given.generation)
          },
          published: async (projection) => {
            await target.generations.published(projection)
            return own.get(projection)
          },
        },
      }
    },
  ),
  {
    name: 'forgets what is published when it is opened again',
    breaks: ['generations/reopen'],
    open: () => openWith(rightMoves, { reopened: (storage) => ({ ...storage, published: new Map() }) }),
  },
  wrong('says what is published before it is shown', ['generations/crash-publish'], () => ({
    publish: async (storage, given, moves) => {
      await publish(storage, given, moves)
      await turn()
      storage.published.set(shownOf(given.projection), given.generation)
    },
    shown: (storage, moves) => {
      const { published } = storage
      const names = [...published.keys()].filter((name) => published.has(shownOf(name)))
      const pointed = names.map((name) => [name, published.get(shownOf(name)) ?? 0] as const)
      return shown({ ...storage, published: new Map(pointed) }, moves)
    },
  })),
  wrong('drops checkpoints first, and the rest in a second transaction', ['generations/crash-drop'], () => ({
    drop: async (storage, given, moves) => {
      if (storage.published.get(given.projection) !== given.generation) {
        storage.builds.get(key(given))?.checkpoints.clear()
        await turn()
      }
      await drop(storage, given, moves)
    },
  })),
  wrong('lists a thousand entries', ['entries/all'], () => ({ entries: (build) => entries(build).slice(0, 1_000) })),
  wrong('sorts entries as JavaScript does', ['entries/order'], () => ({
    entries: (build) => entries(build).toSorted((left, right) => (left.key < right.key ? -1 : 1)),
  })),
  wrong('lists entries as they came', ['entries/equal', 'entries/order'], () => ({
    entries: ({ rows }) => [...rows].map(([name, number]) => ({ key: name, value: String(number) })),
  })),
  wrong('lists with each entry how far the projection is', ['entries/equal'], () => ({
    entries: (build) => {
      const places = [...build.checkpoints.values()].map((text) => checkpointFrom(text).position)
      return entries(build).map((entry, index) => ({
        ...entry,
        value: `${entry.value} at ${places} after ${[...build.rows.keys()][index]}`,
      }))
    },
  })),
  wrong('lists keys alone', ['entries/differ'], () => ({
    entries: (build) => entries(build).map((entry) => ({ ...entry, value: '' })),
  })),
  twisted(
    'makes a generation when its entries are asked for',
    ['entries/missing'],
    generating((generations) => ({
      entries: async function* (given) {
        await generations.open(given)
        yield* generations.entries(given)
      },
    })),
  ),
]

/** Changes are made one after the other, the checkpoint last; what is written again is known by its position. */
const withoutTransactions: Moves = {
  ...rightMoves,
  draft: (build, { empty }) => {
    if (empty) build.rows = new Map()
    return build.rows
  },
  commit: async (build, write) => {
    await turn()
    save(build, write)
  },
  entries: (build) => entries({ ...build, rows: new Map([...build.rows].filter(([name]) => !name.startsWith('at:'))) }),
}

/** Targets that are right. */
export const rightTargets: readonly WrongTarget[] = [
  { name: 'one that does everything right', breaks: [], open: () => openWith(rightMoves) },
  {
    name: 'one whose writes take turns',
    breaks: [],
    open: () =>
      openWith({ ...rightMoves, lock: (one, run) => lock({ ...one, name: '' }, run) }, {}, { concurrent: false }),
  },
  {
    name: 'one without transactions that knows what is written again',
    breaks: [],
    open: () => ({
      ...openWith(withoutTransactions, {}, { transactional: false }),
      counting: {
        empty: (counts) => counts.clear(),
        add: (counts, { key: name, by, position }) => {
          if ((counts.get(`at:${name}`) ?? 0) >= position) return
          counts.set(name, (counts.get(name) ?? 0) + by)
          counts.set(`at:${name}`, position)
        },
        count: (counts, name) => counts.get(name) ?? 0,
      },
    }),
  },
]
