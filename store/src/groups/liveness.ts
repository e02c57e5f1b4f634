/**
 * Who is taken for lost: a member whose beats stood still for as long as the group allows. Time is counted on one's own
 * clock alone, and only while one was looking: a program that was stopped for a while has not watched the others, and
 * blames none of them for it.
 */
import type { Member } from './group-state.ts'

/** What was seen of the other members. */
export interface Watch {
  readonly atMs: number
  readonly seen: ReadonlyMap<string, { readonly beats: number; readonly silentMs: number }>
}

/** Signs of life that a member gives, and looks for those of others, within the time after which it is lost. */
export const beatsPerTimeout = 3

/** Nothing was seen yet. */
export const nothingSeen: Watch = { atMs: 0, seen: new Map() }

/** Looks at the members as they are now; gives those that are lost. */
export function watched(
  watch: Watch,
  members: readonly Member[],
  { self, nowMs, memberTimeoutMs }: { readonly self: string; readonly nowMs: number; readonly memberTimeoutMs: number },
): { readonly watch: Watch; readonly lost: readonly string[] } {
  const passedMs = Math.min(Math.max(nowMs - watch.atMs, 0), memberTimeoutMs / beatsPerTimeout)
  const others = members.filter(({ id }) => id !== self)
  const seen = new Map(
    others.map(({ id, beats }) => {
      const before = watch.seen.get(id)
      return [id, { beats, silentMs: before?.beats === beats ? before.silentMs + passedMs : 0 }]
    }),
  )
  const lost = [...seen].filter(([, { silentMs }]) => silentMs >= memberTimeoutMs).map(([id]) => id)
  return { watch: { atMs: nowMs, seen }, lost }
}
