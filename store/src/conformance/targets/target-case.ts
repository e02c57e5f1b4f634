import type { Target } from '../../model/target.ts'

/** A read model that counts, which is all that the suite asks of it: numbers by key. */
export interface CountingReadModel<ReadModel> {
  /** Brings it to its state before the first event, as the `empty` of a projection does. */
  readonly empty: (readModel: ReadModel) => unknown
  /** Changes a number, as the handler of an event does. May be asynchronous. */
  readonly add: (readModel: ReadModel, addition: Addition) => unknown
  /** The number under a key as a reader of `target.readModel` sees it, 0 where there is none. */
  readonly count: (readModel: ReadModel, key: string) => number | Promise<number>
}

/** What one event adds. */
export interface Addition {
  readonly key: string
  /** A whole number, also a negative one. */
  readonly by: number
  /** The position of the event. It never comes twice for one key, but when the same event is written again. */
  readonly position: number
}

/** What a target promises beyond, or short of, what every target does. */
export interface TargetTraits {
  /**
   * False for a target whose changes are made one after the other, the checkpoint last: whatever was interrupted, the same
   * events written again count once. Default true: all of a write is there or nothing.
   */
  readonly transactional?: boolean
  /** False for a target whose readers may see a write half done. Default: what `transactional` says. */
  readonly isolated?: boolean
  /** True for a target on which writes of different names do not wait for each other. Default false. */
  readonly concurrent?: boolean
  /** False for a target that belongs to one projection. Default true. */
  readonly severalProjections?: boolean
}

/** A target on a fresh, empty storage. */
export interface OpenedTarget<ReadModel> {
  readonly target: Target<ReadModel>
  readonly counting: CountingReadModel<ReadModel>
  readonly traits?: TargetTraits
  /** Opens the same storage again after the first was closed. Left out by a target that keeps nothing. */
  readonly reopen?: () => Target<ReadModel> | Promise<Target<ReadModel>>
  /** Opens the same storage a second time beside the first, as another process does. Left out where that cannot be. */
  readonly openBeside?: () => Target<ReadModel> | Promise<Target<ReadModel>>
  /**
   * The target as it is found after a crash at this very moment: opened on a copy of the storage as it lies there, or after
   * whatever the first had under way was cut off. Nobody uses the one before any more, but to close it. A case may call it
   * again and again, each time on what came of the call before. Left out by a target that keeps nothing.
   */
  readonly afterCrash?: () => Target<ReadModel> | Promise<Target<ReadModel>>
  /** Removes the storage. Every target opened on it was closed before. */
  readonly cleanUp?: () => unknown
}

/** What a case needs of a target: something to open it with, a trait, or generations. */
export type TargetNeed = 'reopen' | 'openBeside' | 'afterCrash' | 'generations' | keyof TargetTraits

/** The part of the contract a case belongs to. */
export type TargetPromise =
  | 'atomic'
  | 'checkpoints'
  | 'fencing'
  | 'partitions'
  | 'emptying'
  | 'readers'
  | 'replays'
  | 'names'
  | 'closing'
  | 'generations'
  | 'entries'

/** One thing that must hold of a target, as data. */
export interface TargetCase {
  readonly promise: TargetPromise
  /** The rule the case stands for: `atomic/throws`. Several cases may stand for one rule. */
  readonly rule: string
  /** What must hold, as a sentence. */
  readonly name: string
  /** Without which the case says nothing. */
  readonly needs?: readonly TargetNeed[]
  /** Resolves when the rule held, rejects with an `AssertionError` when not. */
  readonly run: (subject: TargetSubject) => Promise<void>
}

/** The target a case looks at: fresh and empty at first. */
export interface TargetSubject {
  readonly target: Target<unknown>
  readonly counting: CountingReadModel<unknown>
  /** Closes everything that was opened, and opens the storage again. */
  readonly reopen: () => Promise<Target<unknown>>
  readonly openBeside: () => Promise<Target<unknown>>
  readonly afterCrash: () => Promise<Target<unknown>>
  /** How long a case waits for what must come, in milliseconds. */
  readonly patienceMs: number
}
