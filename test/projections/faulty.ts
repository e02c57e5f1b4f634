import type { Engine } from '../../store/src/engine/engine.ts'
import { memory } from '../../store/src/engines/memory/index.ts'
import type { EventStore } from '../../store/src/event-store.ts'
import type { Generations, Target } from '../../store/src/model/target.ts'
import { TargetUnavailable } from '../../store/src/model/target-errors.ts'
import { openStore } from '../../store/src/open-store.ts'
import type { Stock } from './stock.ts'

/** What of a target can be away. */
export type Part = 'open' | 'publish' | 'checkpoint' | 'write'

/** Called before each use of a target, and waited for; what it throws is what the target refuses with. */
export type Use = (part: Part, target: Target<Stock>) => unknown

/** A target whose every use passes by somebody. */
export function passing(target: Target<Stock>, use: Use): Target<Stock> {
  const { generations } = target
  return {
    get readModel() {
      return target.readModel
    },
    emptiesItself: target.emptiesItself,
    close: target.close,
    [Symbol.asyncDispose]: target.close,
    checkpoint: async (name: string) => {
      await use('checkpoint', target)
      return target.checkpoint(name)
    },
    write: async (change: Parameters<typeof target.write>[0]) => {
      await use('write', target)
      await target.write(change)
    },
    ...(generations && { generations: passingGenerations(generations, use, target) }),
  }
}

function passingGenerations(generations: Generations<Stock>, use: Use, target: Target<Stock>): Generations<Stock> {
  return {
    ...generations,
    open: async (given) => {
      await use('open', target)
      return passing(await generations.open(given), use)
    },
    publish: async (given) => {
      await use('publish', target)
      await generations.publish(given)
    },
  }
}

/** Refuses a part of a target a number of times, as one that restarts does. */
export function away(part: Part, times: number): Use & { left(): number; again(times: number): void } {
  let left = times
  const use = (used: Part): void => {
    if (used !== part || left === 0) return
    left--
    throw new TargetUnavailable('faulty', 'it restarts')
  }
  return Object.assign(use, {
    left: () => left,
    again: (more: number) => {
      left = more
    },
  })
}

/** A store in memory, and another one over the same engine whose shelf is used by way of `change`. */
export function withShelf(change: (shelf: Engine['shelf']) => Partial<Engine['shelf']>): {
  readonly store: EventStore
  readonly faulty: EventStore
} {
  const engine = memory()
  const shelf = { ...engine.shelf, ...change(engine.shelf) }
  return { store: openStore({ engine }), faulty: openStore({ engine: { ...engine, shelf } }) }
}
