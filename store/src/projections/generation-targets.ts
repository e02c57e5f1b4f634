import type { Target } from '../model/target.ts'
import type { Projection } from './projection.ts'

/** The targets of generations that a process has open, each once for all partitions. */
export interface GenerationTargets {
  of(projection: Projection<unknown>, generation: number): Promise<Target<unknown>>
  /** Whether readers see a generation, as the target has it. Once they do, it is not asked again. */
  isShown(projection: Projection<unknown>, generation: number): Promise<boolean>
  close(name: string, generation: number): Promise<void>
  closeAll(): Promise<void>
}

/** None is open yet. */
export function createGenerationTargets(): GenerationTargets {
  const opened = new Map<string, Promise<Target<unknown>>>()
  const shown = new Map<string, number>()
  return {
    of: ({ name, target }, generation) => {
      const key = `${name}/${generation}`
      const known = opened.get(key)
      if (known !== undefined) return known
      const opening = target.generations?.open({ projection: name, generation }) ?? Promise.resolve(target)
      opened.set(key, opening)
      // What could not be opened is opened anew by whoever tries again.
      opening.catch(() => opened.delete(key))
      return opening
    },
    isShown: async ({ name, target }, generation) => {
      if (shown.get(name) === generation) return true
      // One that cannot say now is asked again.
      const found = await target.generations?.published(name).catch(() => undefined)
      if (found === generation) shown.set(name, generation)
      return found === generation
    },
    close: async (name, generation) => {
      const open = opened.get(`${name}/${generation}`)
      opened.delete(`${name}/${generation}`)
      await (await open)?.close()
    },
    closeAll: async () => {
      await Promise.allSettled([...opened.values()].map(async (opening) => (await opening).close()))
    },
  }
}
