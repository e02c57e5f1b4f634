import { CheckpointConflict } from '../model/shelf-errors.ts'
import type { Target } from '../model/target.ts'
import type { Projection } from './projection.ts'

/** A generation that is open. */
export interface OpenGeneration {
  readonly target: Target<unknown>
  /** Aborts when one of those that have it has found that the target lost it. */
  readonly lost: AbortSignal
}

/** The targets of generations that a process has open, each once for all partitions. */
export interface GenerationTargets {
  of(projection: Projection<unknown>, generation: number): Promise<Target<unknown>>
  opened(projection: Projection<unknown>, generation: number): Promise<OpenGeneration>
  /** Whether readers see a generation, as the target has it. Once they do, it is not asked again. */
  isShown(projection: Projection<unknown>, generation: number): Promise<boolean>
  /** Says that the target has lost what is open, which is opened anew by whoever asks next. */
  lose(name: string, generation: number, open: OpenGeneration): void
  close(name: string, generation: number): Promise<void>
  closeAll(): Promise<void>
}

/** None is open yet. */
export function createGenerationTargets(): GenerationTargets {
  const all = new Map<string, { readonly opening: Promise<OpenGeneration>; readonly losing: AbortController }>()
  const shown = new Map<string, number>()

  function opened({ name, target }: Projection<unknown>, generation: number): Promise<OpenGeneration> {
    const key = `${name}/${generation}`
    const known = all.get(key)
    if (known !== undefined) return known.opening
    const losing = new AbortController()
    const open = target.generations?.open({ projection: name, generation }) ?? Promise.resolve(target)
    const opening = open.then((target) => ({ target, lost: losing.signal }))
    all.set(key, { opening, losing })
    // What could not be opened is opened anew by whoever tries again.
    opening.catch(() => all.delete(key))
    return opening
  }

  return {
    of: async (projection, generation) => (await opened(projection, generation)).target,
    opened,
    lose: (name, generation, { lost }) => {
      const key = `${name}/${generation}`
      const known = all.get(key)
      if (known?.losing.signal !== lost) return
      all.delete(key)
      shown.delete(name)
      known.losing.abort(new CheckpointConflict(name))
    },
    isShown: async ({ name, target }, generation) => {
      if (shown.get(name) === generation) return true
      // One that cannot say now is asked again.
      const found = await target.generations?.published(name).catch(() => undefined)
      if (found === generation) shown.set(name, generation)
      return found === generation
    },
    close: async (name, generation) => {
      const open = all.get(`${name}/${generation}`)
      all.delete(`${name}/${generation}`)
      await (await open?.opening)?.target.close()
    },
    closeAll: async () => {
      await Promise.allSettled([...all.values()].map(async ({ opening }) => (await opening).target.close()))
    },
  }
}
