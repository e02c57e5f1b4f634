import type { Generations, Target } from '../../store/src/model/target.ts'
import { TargetUnavailable } from '../../store/src/model/target-errors.ts'
import type { Process } from './world.ts'

/** A target that all processes share, as one of them has it: each call is one that may go wrong. */
export function targetIn<ReadModel>(process: Process, target: Target<ReadModel>): Target<ReadModel> {
  const through = <Result>(work: () => Promise<Result>): Promise<Result> =>
    process.call(work, () => new TargetUnavailable('memory', 'the line broke'))
  const { generations } = target
  const several: Generations<ReadModel> | undefined = generations && {
    open: (generation) => through(async () => targetIn(process, await generations.open(generation))),
    published: (projection) => through(() => generations.published(projection)),
    publish: (generation) => through(() => generations.publish(generation)),
    drop: (generation) => through(() => generations.drop(generation)),
    entries: (generation) => generations.entries(generation),
  }
  return {
    get readModel() {
      return target.readModel
    },
    emptiesItself: target.emptiesItself,
    ...(several && { generations: several }),
    checkpoint: (projection) => through(() => target.checkpoint(projection)),
    write: (change) => through(() => target.write(change)),
    close: async () => undefined,
    [Symbol.asyncDispose]: async () => undefined,
  }
}
