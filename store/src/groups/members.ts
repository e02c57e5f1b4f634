import type { Clock } from '../engine/clock.ts'
import { systemClock, systemRandom } from '../engine/system-clock.ts'
import type { RecordedEvent } from '../model/event.ts'
import { createIdSource } from '../streams/event-id.ts'
import type { GroupStore } from './group-events.ts'
import { Member } from './member.ts'

/** By store, the groups that this program takes part in: one member each, however many consumers it has. */
const members = new WeakMap<GroupStore, Map<string, Member>>()

/** What a member is begun with, unless it is running. */
export interface MemberParts {
  readonly clock?: Clock | undefined
  readonly newId?: (() => string) | undefined
  readonly random?: (() => number) | undefined
  readonly keyOf?: ((event: RecordedEvent) => string) | undefined
}

/** The member of this program, which begins to run with its first consumer. */
export function memberOf(store: GroupStore, name: string, parts: MemberParts): Member {
  const groups = members.get(store) ?? new Map<string, Member>()
  members.set(store, groups)
  const known = groups.get(name)
  if (known !== undefined) return known
  const { clock = systemClock, random = systemRandom, newId = createIdSource(clock), keyOf } = parts
  const over = (): void => {
    if (groups.get(name) === member) groups.delete(name)
  }
  const member = new Member({ store, name, clock, newId, random, keyOf, over })
  groups.set(name, member)
  void member.run()
  return member
}

/** Lets the member of this program know at once that an operator has changed the group; others see it when they look. */
export function tellMember(store: GroupStore, name: string): void {
  members.get(store)?.get(name)?.look()
}
