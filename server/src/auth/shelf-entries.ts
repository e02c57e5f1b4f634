import { type Engine, StoreCorrupt, toText } from 'varve'

/** Values beside the log, as JSON. */
export interface ShelfEntries<Value> {
  get(name: string): Promise<Kept<Value> | undefined>
  /** Puts a value, if the entry is at that version: 0 when it is not there. */
  put(name: string, value: Value, expectedVersion: number): Promise<number | 'conflict'>
  /** False when the entry is at another version. */
  delete(name: string, expectedVersion: number): Promise<boolean>
  /** All of them, by the bytes of their names. */
  list(): Promise<readonly Kept<Value>[]>
}

/** A value with the version of its entry. */
export interface Kept<Value> {
  readonly value: Value
  readonly version: number
}

const pageEntries = 32

/**
 * Entries under a prefix of the engine's shelf. The shelf that callers of the store see lies under another one, so that no
 * right to that shelf is a right to these.
 */
export function shelfEntries<Value>({ shelf }: Pick<Engine, 'shelf'>, prefix: string): ShelfEntries<Value> {
  const kept = (entry: Awaited<ReturnType<typeof shelf.get>> & object): Kept<Value> => {
    try {
      return { value: JSON.parse(toText(entry.value)) as Value, version: entry.version }
    } catch (cause) {
      throw new StoreCorrupt(`the entry ${JSON.stringify(entry.key)} of the shelf is no JSON`, { cause })
    }
  }
  return {
    get: async (name) => {
      const entry = await shelf.get(prefix + name)
      return entry && kept(entry)
    },
    put: (name, value, expectedVersion) => shelf.put(prefix + name, JSON.stringify(value), { expectedVersion }),
    delete: async (name, expectedVersion) => (await shelf.delete(prefix + name, { expectedVersion })) === 'deleted',
    list: async () => {
      const all: Kept<Value>[] = []
      for (let after = ''; ; ) {
        const page = await shelf.list({ prefix, after, limit: pageEntries })
        for (const entry of page) all.push(kept(entry))
        if (page.length < pageEntries) return all
        after = page.at(-1)?.key ?? after
      }
    },
  }
}
