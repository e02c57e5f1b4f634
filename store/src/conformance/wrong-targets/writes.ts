import { checkpointText, type TargetCheckpoint } from '../../model/target.ts'
import { turn } from '../targets/scene.ts'
import { type Moves, merge, rightMoves, save, twisted, type WrongTarget, wrong } from './wrong.ts'

const { draft, holds, lock } = rightMoves

/** Compares checkpoints after both were changed in one way. */
function comparing(change: (checkpoint: TargetCheckpoint) => TargetCheckpoint): () => Partial<Moves> {
  return () => ({
    holds: (expected, actual) =>
      typeof expected === 'object' && actual !== undefined
        ? checkpointText(change(expected)) === checkpointText(change(actual))
        : holds(expected, actual),
  })
}

/** Keeps checkpoints other than they were. */
function keeping(change: (checkpoint: TargetCheckpoint) => TargetCheckpoint): () => Partial<Moves> {
  return () => ({ text: (checkpoint) => checkpointText(change(checkpoint)) })
}

/** A handler whose changes are not taken back when it fails in the way that `applies` fails. */
function keepingWhenFailed(isSynchronous: boolean): () => Partial<Moves> {
  return () => {
    const bases = new WeakMap<object, Parameters<Moves['draft']>[0]>()
    return {
      draft: (build, change) => {
        const made = draft(build, change)
        bases.set(made, build)
        return made
      },
      apply: async ({ apply }, made) => {
        let returned = false
        try {
          const applying = apply(made)
          returned = true
          await applying
        } catch (error) {
          const build = bases.get(made)
          if (build !== undefined && returned !== isSynchronous) build.rows = made
          throw error
        }
      },
    }
  }
}

/** Wrong about what a write is. */
export const wrongWrites: readonly WrongTarget[] = [
  wrong('loses what comes after the thirtieth change', ['atomic/whole', 'entries/all'], () => {
    let left = 0
    return {
      draft: (build, change) => {
        left = 30
        return new (class extends Map<string, number> {
          override set(key: string, number: number): this {
            return left-- > 0 ? super.set(key, number) : this
          }
        })(draft(build, change))
      },
    }
  }),
  wrong(
    'does not wait for handlers',
    [
      'atomic/crash',
      'atomic/error',
      'atomic/goes-on',
      'atomic/rejects',
      'atomic/waits',
      'checkpoints/last',
      'closing/waits',
      'emptying/fails',
      'fencing/take-over',
      'fencing/take-over-beside',
      'partitions/together',
      'readers/whole-writes',
      'replays/after-crash',
    ],
    () => ({
      apply: async ({ apply }, made) => {
        void Promise.resolve(apply(made)).catch(() => undefined)
      },
    }),
  ),
  wrong('keeps what was changed before a handler threw', ['atomic/goes-on', 'atomic/throws'], keepingWhenFailed(true)),
  wrong(
    'keeps what was changed before a handler rejected',
    ['atomic/goes-on', 'atomic/rejects', 'emptying/fails'],
    keepingWhenFailed(false),
  ),
  wrong('wraps what a handler throws', ['atomic/error'], () => ({
    apply: async ({ apply }, made) => {
      try {
        await apply(made)
      } catch (cause) {
        throw new Error('The handler failed.', { cause })
      }
    },
  })),
  wrong(
    'takes no more writes after one has failed',
    ['atomic/goes-on', 'partitions/concurrent', 'partitions/together'],
    () => {
      let hasFailed = false
      return {
        lock: (turn, run) =>
          lock(turn, async () => {
            if (hasFailed) throw new Error('There is a transaction already.')
            await run()
          }),
        apply: async ({ apply }, made) => {
          hasFailed = true
          await apply(made)
          hasFailed = false
        },
      }
    },
  ),
  wrong(
    'saves changes first and the checkpoint in a second transaction',
    ['atomic/crash', 'replays/after-crash'],
    () => ({
      commit: async (build, write) => {
        merge(build, write)
        await turn()
        save(build, write)
      },
    }),
  ),
  wrong(
    'saves the checkpoint first and changes in a second transaction',
    ['atomic/crash', 'checkpoints/last', 'replays/after-crash'],
    () => ({
      commit: async (build, write) => {
        save(build, write)
        await turn()
        merge(build, write)
      },
    }),
  ),
  wrong(
    'says that it has no transactions, and counts what is written again twice',
    ['replays/after-crash'],
    () => ({
      commit: async (build, write) => {
        merge(build, write)
        await turn()
        save(build, write)
      },
    }),
    { transactional: false },
  ),
  twisted(
    'gives the checkpoint of one projection for that of another',
    ['checkpoints/absent', 'checkpoints/missing'],
    (target) => ({
      checkpoint: async (name) => (await target.checkpoint(name)) ?? (await target.checkpoint('counts')),
    }),
  ),
  wrong(
    'keeps 32 bits of an epoch',
    ['checkpoints/exact'],
    keeping((one) => ({ ...one, epoch: one.epoch % 2 ** 32 })),
  ),
  wrong(
    'keeps positions as floats of 32 bits',
    ['checkpoints/exact'],
    keeping((one) => ({ ...one, position: Math.fround(one.position) })),
  ),
  wrong(
    'takes a key that is empty for none',
    ['checkpoints/parked'],
    keeping((one) => ({
      ...one,
      parked: one.parked.map(({ position, key }) => (key ? { position, key } : { position })),
    })),
  ),
  wrong(
    'sorts what is parked by key',
    ['checkpoints/parked', 'checkpoints/parked-many'],
    keeping((one) => ({
      ...one,
      parked: one.parked.toSorted((left, right) => ((left.key ?? '') < (right.key ?? '') ? -1 : 1)),
    })),
  ),
  wrong(
    'keeps a hundred of what is parked',
    ['checkpoints/parked-many'],
    keeping((one) => ({ ...one, parked: one.parked.slice(0, 100) })),
  ),
  twisted('keeps the list that it was given', ['checkpoints/own'], (target) => {
    const lists = new Map<string, TargetCheckpoint['parked']>()
    return {
      write: async (change) => {
        await target.write(change)
        lists.set(change.projection, change.next.parked)
      },
      checkpoint: async (name) => {
        const checkpoint = await target.checkpoint(name)
        return checkpoint && { ...checkpoint, parked: lists.get(name) ?? checkpoint.parked }
      },
    }
  }),
  wrong(
    'does not compare positions',
    [
      'checkpoints/replay',
      'emptying/refused',
      'fencing/one-winner',
      'fencing/one-winner-beside',
      'fencing/take-over',
      'fencing/take-over-beside',
    ],
    comparing((one) => ({ ...one, position: 0 })),
  ),
  wrong(
    'does not compare versions',
    ['checkpoints/version'],
    comparing((one) => ({ ...one, version: 1 })),
  ),
  wrong(
    'does not compare epochs',
    ['fencing/epoch', 'fencing/take-over', 'fencing/take-over-beside'],
    comparing((one) => ({ ...one, epoch: 0 })),
  ),
  wrong('takes every older epoch', ['fencing/epoch', 'fencing/take-over', 'fencing/take-over-beside'], () => ({
    holds: (expected, actual) =>
      holds(typeof expected === 'object' && actual ? { ...expected, epoch: actual.epoch } : expected, actual),
  })),
  wrong(
    'does not compare what is parked',
    ['checkpoints/parked-differs'],
    comparing((one) => ({ ...one, parked: [] })),
  ),
  wrong('lets who expects none begin again', ['checkpoints/none', 'partitions/apart'], () => ({
    holds: (expected, actual) => expected === undefined || holds(expected, actual),
  })),
  wrong('lets anybody begin', ['checkpoints/missing'], () => ({
    holds: (expected, actual) => actual === undefined || holds(expected, actual),
  })),
  wrong("takes 'any' for none", ['checkpoints/any'], () => ({
    holds: (expected, actual) => holds(expected === 'any' ? undefined : expected, actual),
  })),
  wrong(
    'looks at the checkpoint when it is called, and never again',
    ['fencing/one-winner', 'fencing/one-winner-beside', 'fencing/take-over', 'fencing/take-over-beside'],
    () => ({
      lock: (_, run) => run(),
    }),
  ),
  wrong(
    'lets writes of one process wait for each other, and not for those of another',
    ['fencing/one-winner-beside', 'fencing/take-over-beside', 'partitions/concurrent'],
    () => {
      const instances = new WeakMap<object, Promise<unknown>>()
      return {
        lock: ({ instance }, run) => {
          const result = (instances.get(instance) ?? Promise.resolve()).then(run)
          instances.set(
            instance,
            result.catch(() => undefined),
          )
          return result
        },
      }
    },
  ),
]
