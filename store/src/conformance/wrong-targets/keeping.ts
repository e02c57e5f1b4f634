import {
  type Moves,
  merge,
  openWith,
  rightMoves,
  type Storage,
  save,
  twisted,
  type WrongTarget,
  wrong,
} from './wrong.ts'

const { draft, lock } = rightMoves

/** Takes names for one another that are the same after `key`. */
function confusing(name: string, breaks: readonly string[], key: (name: string) => string): WrongTarget {
  return wrong(name, breaks, () => ({ nameKey: key }))
}

/** Handlers change what readers see, and it is taken back when they fail. */
const live: Partial<Moves> = {
  draft: (build, { empty }) => {
    if (empty) build.rows = new Map()
    return build.rows
  },
  apply: async ({ apply }, rows) => {
    const before = new Map(rows)
    try {
      await apply(rows)
    } catch (error) {
      rows.clear()
      for (const [key, number] of before) rows.set(key, number)
      throw error
    }
  },
  commit: (build, write) => save(build, write),
}

function reopening(name: string, breaks: readonly string[], reopened: (storage: Storage) => Storage): WrongTarget {
  return { name, breaks, open: () => openWith(rightMoves, { reopened }) }
}

/** Wrong about who sees what, about names, and about the end. */
export const wrongKeeping: readonly WrongTarget[] = [
  confusing('keeps one sign of the number of a partition', ['partitions/apart'], (name) =>
    name.replace(/(#.).*/s, '$1'),
  ),
  wrong(
    'lets the last of several writes take the place of the others',
    ['partitions/concurrent', 'partitions/together'],
    () => ({
      commit: (build, write) => {
        save(build, write)
        build.rows = write.draft
      },
    }),
  ),
  wrong('says that writes do not wait for each other, and lets them', ['partitions/concurrent'], () => ({
    lock: (one, run) => lock({ ...one, name: '' }, run),
  })),
  wrong(
    'shows what handlers do while they do it',
    ['atomic/crash', 'emptying/fails', 'readers/whole-writes', 'replays/after-crash'],
    () => live,
  ),
  twisted(
    'shows what other processes have written after a write of its own only',
    ['readers/beside'],
    (target, storage) => {
      let seen = target.readModel
      return {
        get readModel() {
          return storage.published.size > 0 ? target.readModel : seen
        },
        write: async (change) => {
          await target.write(change)
          seen = target.readModel
        },
      }
    },
  ),
  reopening('forgets partitions when it is opened again', ['readers/after-reopen'], (storage) => ({
    ...storage,
    own: {
      ...storage.own,
      checkpoints: new Map([...storage.own.checkpoints].filter(([name]) => !name.includes('#'))),
    },
  })),
  wrong('leaves what was there when it is emptied', ['emptying/anew', 'generations/emptied'], () => ({
    commit: (build, write) => {
      save(build, write)
      merge(build, { ...write, change: { ...write.change, empty: false } })
    },
  })),
  wrong('empties before handlers have run', ['emptying/fails'], () => ({
    draft: (build, change) => {
      if (change.empty) build.rows = new Map()
      return draft(build, change)
    },
  })),
  twisted('empties before it looks at the checkpoint', ['emptying/fails', 'emptying/refused'], (target, storage) => ({
    write: async (change) => {
      if (change.empty) storage.own.rows = new Map()
      await target.write(change)
    },
  })),
  confusing('takes upper case for lower case', ['names/case', 'names/normalisation'], (name) => name.toLowerCase()),
  confusing('keeps one sign after a colon', ['names/prefix'], (name) => name.replace(/(:.).*/s, '$1')),
  confusing('trims names', ['names/control', 'names/numbers', 'names/spaces', 'names/unicode'], (name) => name.trim()),
  confusing('cuts names at NUL', ['names/nul'], (name) => name.split('\0')[0] ?? ''),
  confusing('leaves control characters out', ['names/control', 'names/spaces'], (name) =>
    name.replace(/\p{Cc}/gu, (sign) => (sign === '\0' ? sign : '')),
  ),
  confusing('leaves quotes out', ['names/quotes'], (name) => name.replace(/['"`]/g, '')),
  confusing('takes per cent for anything', ['names/wildcards'], (name) => name.replace(/[%*].*/s, '')),
  confusing('splits names at slashes', ['names/separators'], (name) => name.split('/')[0] ?? ''),
  confusing('leaves out a leading dollar', ['names/dollars'], (name) => name.replace(/^\$/, '')),
  confusing('composes accents', ['names/normalisation'], (name) => name.normalize('NFC')),
  confusing('keeps 16 bits of a sign', ['names/unicode'], (name) => name.replace(/[\udc00-\udfff]/g, '')),
  confusing('takes numbers for what they are worth', ['names/numbers', 'names/spaces'], (name) =>
    /^[\d.e ]+$/.test(name) ? String(Number(name)) : name,
  ),
  confusing('keeps 63 characters of a name', ['names/long'], (name) => name.slice(0, 63)),
  twisted('tells checkpoints after it was closed', ['closing/refuses'], (_, storage) => ({
    checkpoint: async (name) => rightMoves.found(storage.own, name),
  })),
  twisted(
    'cannot be closed twice',
    ['closing/generations', 'closing/refuses', 'closing/twice', 'closing/waits', 'generations/close-all'],
    (target) => {
      let closed = false
      return {
        close: async () => {
          if (closed) throw new Error('This target is closed.')
          closed = true
          await target.close()
        },
      }
    },
  ),
  wrong('closes without waiting', ['closing/waits'], () => ({ close: async () => undefined })),
  twisted('tells generations after it was closed', ['closing/generations'], ({ generations }, storage) => ({
    generations: { ...generations, published: async (projection) => storage.published.get(projection) },
  })),
]
