import { InvalidArgument, StoreClosed } from '../../model/errors.ts'
import { CheckpointConflict } from '../../model/shelf-errors.ts'
import {
  checkpointFrom,
  checkpointHolds,
  checkpointText,
  type Generation,
  type Generations,
  type Target,
  type TargetChange,
  type TargetCheckpoint,
  type TargetEntry,
} from '../../model/target.ts'
import type { OpenedTarget, TargetTraits } from '../targets/target-case.ts'

/*
 * Wrong targets are one small target with one move done wrong. Each says which rules it must break, so that a rule nobody
 * can break, and a rule that breaks for another one's sake, are both found out.
 */

/** A target with one thing wrong. */
export interface WrongTarget {
  /** What it does wrong. */
  readonly name: string
  /** The rules it must break, and no others. */
  readonly breaks: readonly string[]
  readonly open: () => OpenedTarget<Counts>
}

/** The read model: numbers by key. */
export type Counts = Map<string, number>

/** What one target, or one generation of it, keeps. */
export interface Build {
  rows: Counts
  /** Texts by name. */
  checkpoints: Map<string, string>
  /** The last write of each name. */
  readonly turns: Map<string, Promise<unknown>>
  dropped: boolean
}

/** What outlasts a target. */
export interface Storage {
  readonly own: Build
  /** By {@link Moves.key}. */
  readonly builds: Map<string, Build>
  readonly published: Map<string, number>
}

/** What a target does, step by step; a wrong one does one step in another way. */
export interface Moves {
  /** Under which key a name keeps its checkpoint. */
  readonly nameKey: (name: string) => string
  /** Under which key a storage keeps a generation. */
  readonly key: (generation: Generation) => string
  readonly text: (checkpoint: TargetCheckpoint) => string
  readonly holds: (expected: TargetChange<Counts>['expected'], actual: TargetCheckpoint | undefined) => boolean
  readonly found: (build: Build, name: string) => TargetCheckpoint | undefined
  /** Runs one write after the other, of those with one name. */
  readonly lock: (turn: Turn, run: () => Promise<void>) => Promise<void>
  /** What handlers change. */
  readonly draft: (build: Build, change: TargetChange<Counts>) => Counts
  readonly apply: (change: TargetChange<Counts>, draft: Counts) => Promise<void>
  /** Makes a write be there. */
  readonly commit: (build: Build, write: Write) => Promise<void> | void
  readonly shown: (storage: Storage, moves: Moves) => Counts
  readonly entries: (build: Build) => readonly TargetEntry[]
  readonly publish: (storage: Storage, generation: Generation, moves: Moves) => Promise<void> | void
  readonly drop: (storage: Storage, generation: Generation, moves: Moves) => Promise<void> | void
  readonly close: (underWay: readonly Promise<unknown>[]) => Promise<unknown>
}

/** Whose turn it is to write. */
export interface Turn {
  readonly build: Build
  readonly name: string
  /** The target that the write was called on; several may be open on one storage. */
  readonly instance: object
}

/** A write whose handlers are done. */
export interface Write {
  readonly change: TargetChange<Counts>
  readonly draft: Counts
  /** What the draft was before it was changed. */
  readonly base: Counts
  readonly moves: Moves
}

/** The right moves. */
export const rightMoves: Moves = {
  nameKey: (name) => name,
  key: ({ projection, generation }) => JSON.stringify([projection, generation]),
  text: checkpointText,
  holds: checkpointHolds,
  found: (build, name) => {
    const text = build.checkpoints.get(name)
    return text === undefined ? undefined : checkpointFrom(text)
  },
  lock: ({ build, name }, run) => {
    const result = (build.turns.get(name) ?? Promise.resolve()).then(run)
    const settled = result.catch(() => undefined)
    build.turns.set(name, settled)
    return result
  },
  draft: ({ rows }, { empty }) => new Map(empty ? [] : rows),
  apply: async ({ apply }, draft) => {
    await apply(draft)
  },
  commit: (build, write) => {
    save(build, write)
    merge(build, write)
  },
  shown: ({ own, builds, published }, { key }) => {
    const [first] = [...published].map(([projection, generation]) => key({ projection, generation }))
    return (first === undefined ? own : (builds.get(first) ?? own)).rows
  },
  entries: ({ rows }) =>
    [...rows]
      .map(([key, number]) => ({ key, value: String(number) }))
      .sort((left, right) => Buffer.compare(Buffer.from(left.key), Buffer.from(right.key))),
  publish: ({ builds, published }, given, { key }) => {
    if (!builds.has(key(given))) throw new InvalidArgument('generation', 'is not there')
    published.set(given.projection, given.generation)
  },
  drop: (storage, given, { key }) => {
    if (storage.published.get(given.projection) === given.generation) {
      throw new InvalidArgument('generation', 'is published')
    }
    forget(storage, key(given))
  },
  close: (underWay) => Promise.allSettled(underWay),
}

/** Saves the checkpoint of a write. */
export function save(build: Build, { change, moves }: Write): void {
  build.checkpoints.set(moves.nameKey(change.projection), moves.text(change.next))
}

/** Adds what a write changed to what others have changed meanwhile. */
export function merge(build: Build, { change, draft, base }: Write): void {
  if (change.empty) build.rows = new Map()
  const rows = new Map(build.rows)
  for (const [key, number] of draft) {
    const added = number - (base.get(key) ?? 0)
    if (added !== 0) rows.set(key, (rows.get(key) ?? 0) + added)
  }
  build.rows = rows
}

/** Ends a build and takes it out of the storage. */
export function forget({ builds }: Storage, key: string): void {
  const build = builds.get(key)
  if (build !== undefined) build.dropped = true
  builds.delete(key)
}

function emptyBuild(): Build {
  return { rows: new Map(), checkpoints: new Map(), turns: new Map(), dropped: false }
}

function emptyStorage(): Storage {
  return { own: emptyBuild(), builds: new Map(), published: new Map() }
}

/** The storage as it lies there at this moment. */
function copyOf({ own, builds, published }: Storage): Storage {
  const copy = ({ rows, checkpoints, dropped }: Build): Build => ({
    rows: new Map(rows),
    checkpoints: new Map(checkpoints),
    turns: new Map(),
    dropped,
  })
  return {
    own: copy(own),
    builds: new Map([...builds].map(([key, build]) => [key, copy(build)])),
    published: new Map(published),
  }
}

/** A wrong target that does some moves in another way. `make` is called once for each storage. */
export function wrong(
  name: string,
  breaks: readonly string[],
  make: () => Partial<Moves>,
  traits: TargetTraits = {},
): WrongTarget {
  return { name, breaks, open: () => openWith({ ...rightMoves, ...make() }, {}, traits) }
}

/** What is different about one instance of a wrong target as a whole. */
export type Twist = (target: Required<Target<Counts>>, storage: Storage) => Partial<Target<Counts>>

/** A wrong target whose moves are right. */
export function twisted(name: string, breaks: readonly string[], twist: Twist): WrongTarget {
  return { name, breaks, open: () => openWith(rightMoves, { twist }) }
}

/** What may be different about opening. */
export interface Opening {
  readonly twist?: Twist
  /** What a storage is found as when it is opened again. */
  readonly reopened?: (storage: Storage) => Storage
}

/** Opens a target on a fresh storage. */
export function openWith(
  moves: Moves,
  { twist = () => ({}), reopened = (storage) => storage }: Opening = {},
  traits: TargetTraits = {},
): OpenedTarget<Counts> {
  let storage = emptyStorage()
  const connect = (): Target<Counts> => {
    const right = targetOn(storage, moves)
    // Getters stay getters.
    const [own, other] = [right, twist(right, storage)].map((one) => Object.getOwnPropertyDescriptors(one))
    return Object.defineProperties({}, { ...own, ...other }) as Target<Counts>
  }
  return {
    target: connect(),
    counting: {
      empty: () => undefined,
      add: (counts, { key, by }) => counts.set(key, (counts.get(key) ?? 0) + by),
      count: (counts, key) => counts.get(key) ?? 0,
    },
    traits: { concurrent: true, ...traits },
    openBeside: connect,
    reopen: () => {
      storage = reopened(storage)
      return connect()
    },
    afterCrash: () => {
      storage = copyOf(storage)
      return connect()
    },
  }
}

/** Opens a target on a storage. */
export function targetOn(storage: Storage, moves: Moves): Required<Target<Counts>> {
  const closing = new AbortController()
  const underWay = new Set<Promise<unknown>>()
  const check = (): void => {
    if (closing.signal.aborted) throw new StoreClosed('The target')
  }
  const open = (build: Build, end: AbortController): Omit<Target<Counts>, 'readModel'> =>
    buildOn(build, { moves, underWay, ended: AbortSignal.any([closing.signal, end.signal]), end })
  const closeAll = async (): Promise<void> => {
    closing.abort()
    await moves.close([...underWay])
  }
  return {
    ...open(storage.own, closing),
    get readModel() {
      return moves.shown(storage, moves)
    },
    generations: generationsOn(storage, { moves, check, open }),
    close: closeAll,
    [Symbol.asyncDispose]: closeAll,
  }
}

interface BuildParts {
  readonly moves: Moves
  readonly underWay: Set<Promise<unknown>>
  readonly ended: AbortSignal
  readonly end: AbortController
}

function buildOn(build: Build, { moves, underWay, ended, end }: BuildParts): Omit<Target<Counts>, 'readModel'> {
  const check = (): void => {
    if (ended.aborted) throw new StoreClosed('The target')
  }
  const own = new Set<Promise<unknown>>()

  async function write(change: TargetChange<Counts>): Promise<void> {
    const name = moves.nameKey(change.projection)
    const refuse = (): void => {
      if (build.dropped || !moves.holds(change.expected, moves.found(build, name))) {
        throw new CheckpointConflict(change.projection)
      }
    }
    await moves.lock({ build, name, instance: underWay }, async () => {
      refuse()
      const draft = moves.draft(build, change)
      const base = new Map(draft)
      await moves.apply(change, draft)
      if (build.dropped) throw new CheckpointConflict(change.projection)
      await moves.commit(build, { change, draft, base, moves })
    })
  }

  const close = async (): Promise<void> => {
    end.abort()
    await moves.close([...own])
  }
  return {
    emptiesItself: true,
    checkpoint: async (name) => {
      check()
      return moves.found(build, moves.nameKey(name))
    },
    write: async (change) => {
      check()
      const writing = write(change)
      for (const set of [underWay, own]) {
        set.add(writing)
        writing.finally(() => set.delete(writing)).catch(() => undefined)
      }
      await writing
    },
    close,
    [Symbol.asyncDispose]: close,
  }
}

interface GenerationParts {
  readonly moves: Moves
  readonly check: () => void
  readonly open: (build: Build, end: AbortController) => Omit<Target<Counts>, 'readModel'>
}

function generationsOn(storage: Storage, { moves, check, open }: GenerationParts): Generations<Counts> {
  return {
    open: async (given) => {
      check()
      if (!Number.isSafeInteger(given.generation) || given.generation < 1) {
        throw new InvalidArgument('generation', 'is not a whole number from 1 on')
      }
      const key = moves.key(given)
      const build = storage.builds.get(key) ?? emptyBuild()
      storage.builds.set(key, build)
      return {
        ...open(build, new AbortController()),
        get readModel() {
          return build.rows
        },
      }
    },
    published: async (projection) => {
      check()
      return storage.published.get(projection)
    },
    publish: async (given) => {
      check()
      await moves.publish(storage, given, moves)
    },
    drop: async (given) => {
      check()
      await moves.drop(storage, given, moves)
    },
    entries: async function* (given) {
      check()
      const build = storage.builds.get(moves.key(given))
      if (build !== undefined) yield* moves.entries(build)
    },
  }
}
