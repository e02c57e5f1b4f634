import type { Target } from '../model/target.ts'
import type { Projection } from './projection.ts'

/** The targets of generations that a process has open, each once for all partitions. */
export interface GenerationTargets {
  of(projection: Projection<unknown>, generation: number): Promise<Target<unknown>>
  close(name: string, generation: number): Promise<void>
  closeAll(): Promise<void>
}

/** None is open yet. */
export function createGenerationTargets(): GenerationTargets {
  const opened = new Map<string, Promise<Target<unknown>>>()
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
