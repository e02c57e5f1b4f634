import { InvalidArgument, StoreClosed } from '../../model/errors.ts'
import { fieldsOf, refuseUnknownOptions } from '../../model/known-fields.ts'
import type { Generation, Generations, Target, TargetEntry } from '../../model/target.ts'
import { checkedGeneration, isMissing, isPublished } from './generation.ts'
import { createBuild, type MemoryBuild, ofAnother } from './memory-build.ts'
import { plainCopy } from './plain-copy.ts'
import { byBytes, plainText } from './plain-text.ts'

const optionFields = fieldsOf<MemoryTargetOptions<unknown>>({ copy: true, entries: true })

/** Options of {@link memoryTarget}. */
export interface MemoryTargetOptions<ReadModel> {
  /**
   * Copies a read model, so that a write changes the copy. Default: a deep copy of plain data (maps, sets, arrays, objects,
   * dates, bytes), which refuses anything else.
   */
  readonly copy?: ((readModel: ReadModel) => ReadModel) | undefined
  /** Lists a read model by key, as plain data. Default: the entries of a map or an object, the items of a set or an array. */
  readonly entries?: ((readModel: ReadModel) => Iterable<readonly [key: unknown, value: unknown]>) | undefined
}

/**
 * A read model in this process, rebuilt at every start: for tests, and for small lookups that every instance keeps.
 * It belongs to one projection. A write changes a copy, which then takes the place of the read model: so readers see
 * whole writes, a write that fails leaves everything as it was, and each write costs a copy.
 * Ask `target.readModel` each time: what it gave before stays as it was then.
 *
 * @throws INVALID_ARGUMENT; by its calls too, for a read model that needs `copy` or `entries`, and for that of another
 *   projection.
 * @example
 * const target = memoryTarget(() => new Map<string, number>())
 */
export function memoryTarget<ReadModel>(
  initial: () => ReadModel,
  options: MemoryTargetOptions<ReadModel> = {},
): Target<ReadModel> {
  refuseUnknownOptions(options, optionFields, 'memoryTarget')
  const { copy = plainCopy, entries = plainEntries } = options
  if (typeof initial !== 'function') throw new InvalidArgument('initial', 'is not a function that makes a read model')
  if (typeof copy !== 'function') throw new InvalidArgument('copy', 'is not a function that copies a read model')
  if (typeof entries !== 'function') throw new InvalidArgument('entries', 'is not a function that lists a read model')
  const closing = new AbortController()
  const own = createBuild({ initial, copy })
  const builds = new Map<number, MemoryBuild<ReadModel>>()
  let projection: string | undefined
  let published: MemoryBuild<ReadModel> | undefined

  function check(given: Generation): number {
    if (closing.signal.aborted) throw new StoreClosed('The target')
    const { generation } = checkedGeneration(given)
    projection ??= given.projection
    if (projection !== given.projection) throw ofAnother(projection, given.projection)
    return generation
  }

  const generations: Generations<ReadModel> = {
    open: async (given) => {
      const generation = check(given)
      const build = builds.get(generation) ?? createBuild({ initial, copy })
      builds.set(generation, build)
      return targetOn(build, closing.signal)
    },
    published: async (name) => {
      if (closing.signal.aborted) throw new StoreClosed('The target')
      if (name !== projection) return undefined
      return [...builds].find(([, build]) => build === published)?.[0]
    },
    publish: async (given) => {
      const build = builds.get(check(given))
      if (build === undefined) throw isMissing(given)
      published = build
    },
    drop: async (given) => {
      const generation = check(given)
      const build = builds.get(generation)
      if (build !== undefined && build === published) throw isPublished(given)
      builds.delete(generation)
      await build?.drop()
    },
    entries: async function* (given) {
      const build = builds.get(check(given))
      if (build !== undefined) yield* written(entries(build.readModel()))
    },
  }

  const target = targetOn(own, closing.signal)
  const close = async (): Promise<void> => {
    closing.abort()
    await Promise.all([own, ...builds.values()].map((build) => build.settled()))
  }
  return {
    get readModel() {
      return (published ?? own).readModel()
    },
    emptiesItself: true,
    generations,
    checkpoint: target.checkpoint,
    write: target.write,
    close,
    [Symbol.asyncDispose]: close,
  }
}

/** One build as a target; `around` is the end of the target that it is part of. */
function targetOn<ReadModel>(build: MemoryBuild<ReadModel>, around: AbortSignal): Target<ReadModel> {
  const closing = new AbortController()
  const check = (): void => {
    if (around.aborted || closing.signal.aborted) throw new StoreClosed('The target')
  }
  const close = (): Promise<void> => {
    closing.abort()
    return build.settled()
  }
  return {
    get readModel() {
      return build.readModel()
    },
    emptiesItself: true,
    checkpoint: async (name) => {
      check()
      return build.checkpoint(name)
    },
    write: async (change) => {
      check()
      await build.write(change)
    },
    close,
    [Symbol.asyncDispose]: close,
  }
}

function plainEntries(readModel: unknown): Iterable<readonly [key: unknown, value: unknown]> {
  if (readModel instanceof Map) return readModel
  if (readModel instanceof Set) return [...readModel].map((item) => [item, true])
  if (Array.isArray(readModel)) return readModel.entries()
  if (typeof readModel === 'object' && readModel !== null) return Object.entries(readModel)
  return [['', readModel]]
}

function written(entries: Iterable<readonly [key: unknown, value: unknown]>): readonly TargetEntry[] {
  return Array.from(entries, ([key, value]) => ({ key: plainText(key), value: plainText(value) })).sort((left, right) =>
    byBytes(left.key, right.key),
  )
}
