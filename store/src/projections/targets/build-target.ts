import { InvalidArgument, StoreClosed } from '../../model/errors.ts'
import type { Target, TargetChange, TargetCheckpoint } from '../../model/target.ts'

/** One generation of a target, as it lies in a server. */
export interface ServerBuild<ReadModel> {
  checkpoint(name: string): Promise<TargetCheckpoint | undefined>
  /** Writes for a projection, which alone may empty it. */
  write(projection: string, change: TargetChange<ReadModel>): Promise<void>
}

/** What the builds of one target have in common. */
export interface Opened {
  /** Throws when the whole target is closed. */
  readonly check: () => void
  /** What closing the whole target waits for. */
  readonly underWay: Set<Promise<unknown>>
}

/**
 * The target of one build. Closing it waits for what it has under way, and no more. `owner` is the projection, where the name of
 * a checkpoint does not say it.
 */
export function buildTarget<ReadModel>(
  { check, underWay }: Opened,
  build: ServerBuild<ReadModel>,
  readModel: (checkOpen: () => void) => ReadModel,
  owner?: string,
): Target<ReadModel> {
  const own = new Set<Promise<unknown>>()
  let isClosed = false
  const checkOpen = (): void => {
    check()
    if (isClosed) throw new StoreClosed('The generation')
  }
  const checkedName = (name: string): string => {
    checkOpen()
    if (typeof name !== 'string' || name === '' || !name.isWellFormed()) {
      throw new InvalidArgument('projection', 'is not a non-empty string')
    }
    return name
  }
  const during = async <Result>(work: Promise<Result>): Promise<Result> => {
    own.add(work)
    underWay.add(work)
    try {
      return await work
    } finally {
      own.delete(work)
      underWay.delete(work)
    }
  }
  const close = async (): Promise<void> => {
    isClosed = true
    await Promise.allSettled(own)
  }
  return {
    readModel: readModel(checkOpen),
    emptiesItself: true,
    checkpoint: async (name) => during(build.checkpoint(checkedName(name))),
    write: async (change) => {
      const name = checkedName(change.projection)
      await during(build.write(owner ?? name, change))
    },
    close,
    [Symbol.asyncDispose]: close,
  }
}
