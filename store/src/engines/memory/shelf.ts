import type { Shelf, ShelfEntry } from '../../engine/engine.ts'
import { ownPayload } from '../../model/payload.ts'
import { compareUtf8 } from './read.ts'

type Open = <Result>(signal: AbortSignal | undefined, verb: () => Result) => Promise<Result>

/** The shelf in a map. */
export function memoryShelf(open: Open): Shelf {
  const entries = new Map<string, ShelfEntry>()

  function agrees(key: string, expectedVersion: number | undefined): boolean {
    return expectedVersion === undefined || expectedVersion === (entries.get(key)?.version ?? 0)
  }

  return {
    get: (key, signal) => open(signal, () => own(entries.get(key))),
    put: (key, value, { expectedVersion }, signal) =>
      open(signal, () => {
        if (!agrees(key, expectedVersion)) return 'conflict'
        const version = (entries.get(key)?.version ?? 0) + 1
        entries.set(key, { key, value: ownPayload(value), version })
        return version
      }),
    delete: (key, { expectedVersion }, signal) =>
      open(signal, () => {
        if (!agrees(key, expectedVersion)) return 'conflict'
        entries.delete(key)
        return 'deleted'
      }),
    list: ({ prefix, after, limit }, signal) =>
      open(signal, () =>
        [...entries.values()]
          .filter(({ key }) => key.startsWith(prefix) && compareUtf8(key, after) > 0)
          .sort((left, right) => compareUtf8(left.key, right.key))
          .slice(0, limit)
          .map((entry) => ({ ...entry, value: ownPayload(entry.value) })),
      ),
  }
}

function own(entry: ShelfEntry | undefined): ShelfEntry | undefined {
  return entry && { ...entry, value: ownPayload(entry.value) }
}
