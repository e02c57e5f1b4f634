import type { MemberView } from './ownership.ts'
import { type Kept, type Member, memberKey, type ProjectionShelf } from './projection-shelf.ts'
import type { WatchedTime } from './watched-time.ts'

/** This instance among the others. */
export interface Membership {
  /** Its name now: whoever was buried and goes on has a new one. */
  readonly id: string
  /**
   * Shows that it lives, and what it can run: the version of each projection. `'buried'` when the others gave it up: it is
   * somebody new from here on.
   */
  beat(versions: Member['versions']): Promise<'alive' | 'buried'>
  /** The members, and for how long each has been still as far as this process saw. */
  seen(members: readonly Kept<Member>[]): readonly MemberView[]
  bury(id: string): Promise<void>
  leave(): Promise<void>
}

/** Joins with the first beat. */
export function createMembership(shelf: ProjectionShelf, time: Pick<WatchedTime, 'now'>, instance: string): Membership {
  let life = 1
  let kept = unborn()
  const beats = new Map<string, { readonly entryVersion: number; readonly sinceMs: number }>()

  function unborn(): Kept<Member> {
    const id = life === 1 ? instance : `${instance}.${life}`
    return { key: memberKey(id), value: { id, beat: 0, versions: {} }, entryVersion: 0 }
  }

  async function beat(versions: Member['versions']): Promise<'alive' | 'buried'> {
    const next = { ...kept, value: { ...kept.value, beat: kept.value.beat + 1, versions } }
    const written = await shelf.put(next)
    if (written !== 'conflict') {
      kept = written
      return 'alive'
    }
    const { members } = await shelf.view()
    const found = members.find(({ key, value }) => key === kept.key && value.beat === next.value.beat)
    // The answer to an earlier beat was lost, no more.
    if (found !== undefined && kept.entryVersion > 0) {
      kept = found
      return 'alive'
    }
    life++
    kept = unborn()
    return 'buried'
  }

  function seen(members: readonly Kept<Member>[]): readonly MemberView[] {
    const nowMs = time.now()
    for (const key of beats.keys()) if (!members.some((member) => member.key === key)) beats.delete(key)
    return members.map(({ key, value, entryVersion }) => {
      const before = beats.get(key)
      const sinceMs = before?.entryVersion === entryVersion ? before.sinceMs : nowMs
      beats.set(key, { entryVersion, sinceMs })
      return { id: value.id, stillMs: nowMs - sinceMs, versions: value.versions }
    })
  }

  return {
    get id() {
      return kept.value.id
    },
    beat,
    seen,
    bury: (id) => {
      const key = memberKey(id)
      return shelf.remove({ key, entryVersion: beats.get(key)?.entryVersion ?? 0 })
    },
    leave: () => shelf.remove(kept),
  }
}
