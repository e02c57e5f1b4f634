import type { Engine, Shelf } from '../../store/src/engine/engine.ts'
import type { EventStore } from '../../store/src/event-store.ts'
import { EngineUnavailable } from '../../store/src/model/errors.ts'
import { openStore } from '../../store/src/open-store.ts'
import type { Process } from './world.ts'

/** The store as a process of the world has it open: each call to the engine is one that may go wrong. */
export function openIn(process: Process, engine: Engine): EventStore {
  let ids = 0
  const newId = (): string => {
    const digits = [...`${process.name}/${ids++}`]
      .map((char) => char.charCodeAt(0).toString(16).padStart(2, '0'))
      .join('')
    const hex = digits.slice(-24).padStart(24, '0')
    return `00000000-${hex.slice(0, 4)}-7${hex.slice(4, 7)}-8${hex.slice(7, 10)}-${hex.slice(10, 22)}`
  }
  return openStore({ engine: faultyEngine(process, engine), clock: process.clock, newId })
}

function faultyEngine(process: Process, engine: Engine): Engine {
  const through = <Result>(work: () => Promise<Result>): Promise<Result> =>
    process.call(work, () => new EngineUnavailable('memory', 'the line broke'))
  const shelf: Shelf = {
    get: (...given) => through(() => engine.shelf.get(...given)),
    put: (...given) => through(() => engine.shelf.put(...given)),
    delete: (...given) => through(() => engine.shelf.delete(...given)),
    list: (...given) => through(() => engine.shelf.list(...given)),
  }
  return {
    capabilities: engine.capabilities,
    append: (...given) => through(() => engine.append(...given)),
    read: (...given) => through(() => engine.read(...given)),
    find: (...given) => through(() => engine.find(...given)),
    head: (...given) => through(() => engine.head(...given)),
    streams: (...given) => through(() => engine.streams(...given)),
    wake: (signal) => engine.wake(signal),
    shelf,
    close: async () => undefined,
  }
}
