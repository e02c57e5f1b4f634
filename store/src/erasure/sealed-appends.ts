import type { EventStore } from '../event-store.ts'
import type { AppendAllOptions, AppendOptions, StreamWrite, TransactionAppends } from '../model/call.ts'
import { appendAllFields, appendFields } from '../model/call-fields.ts'
import { SubjectForgotten } from '../model/erasure-errors.ts'
import type { NewEvent } from '../model/event.ts'
import type { EventDefinitions } from '../model/event-definition.ts'
import { refuseUnknownOptions } from '../model/known-fields.ts'
import { madeOfEach } from '../model/made-of-each.ts'
import type { HandOver } from './hand-over.ts'
import type { KeyRing, SealingKey } from './key-ring.ts'
import { ownWrite, type Write } from './own-write.ts'
import { isUnsealed, sealedEvent, takenApart, type Unsealed } from './seal-events.ts'
import { subjectTag } from './subject.ts'

/** What appends with personal data work with. */
export interface SealingPort {
  /** The store beneath, which sees sealed fields only. */
  readonly store: EventStore
  readonly ring: KeyRing
  readonly handOver: HandOver
  readonly newId: () => string
}

/** Appends that seal personal fields first, to a store or to a transaction of it. */
export function sealedAppends<Appends extends Pick<EventStore, 'append' | 'appendAll'> | TransactionAppends>(
  port: SealingPort,
  events: EventDefinitions,
  to: Appends,
): Pick<Appends, 'append' | 'appendAll'> {
  const append = async (streamId: string, given: readonly NewEvent[], asked: AppendOptions = {}): Promise<unknown> => {
    refuseUnknownOptions(asked, appendFields, 'append')
    const options = { ...asked }
    return sendSealed(port, partsOf(port, events, [{ streamId, events: given }], options), options, ([write]) =>
      to.append(streamId, write?.events ?? given, options),
    )
  }
  const appendAll = async (writes: readonly StreamWrite[], asked: AppendAllOptions = {}): Promise<unknown> => {
    refuseUnknownOptions(asked, appendAllFields, 'appendAll')
    const options = { ...asked }
    return sendSealed(port, partsOf(port, events, writes, options), options, (ready) => to.appendAll(ready, options))
  }
  return { append, appendAll } as unknown as Pick<Appends, 'append' | 'appendAll'>
}

/** What is no list is left to the store, which says so. */
function partsOf(
  { newId }: SealingPort,
  events: EventDefinitions,
  writes: readonly StreamWrite[],
  { idempotencyKey }: AppendAllOptions,
): readonly Write[] {
  if (!Array.isArray(writes)) return writes
  return writes.map((write: StreamWrite) => {
    if (!Array.isArray(write?.events) || typeof write.streamId !== 'string') return write
    const { streamId } = write
    const taken = write.events.map((event: NewEvent, index) =>
      takenApart(event, { streamId, index, idempotencyKey, events, newId }),
    )
    return { ...write, events: taken }
  })
}

function sendSealed<Sent>(
  port: SealingPort,
  writes: readonly Write[],
  { signal }: AppendAllOptions,
  send: (writes: readonly StreamWrite[]) => Promise<Sent>,
): Promise<Sent> {
  if (!Array.isArray(writes)) return port.handOver.send(writes as readonly StreamWrite[], send, signal)
  const unsealed = writes.flatMap(eventsOf).filter(isUnsealed)
  const keys = unsealed.length === 0 ? noKeys : keysFor(port, unsealed)
  // Heard below, unless what has to wait is refused before.
  if (keys instanceof Promise) keys.catch(() => undefined)
  // What has to wait is taken in as it is now.
  const own = keys instanceof Promise || port.handOver.isBusy ? writes.map(ownWrite) : writes
  if (unsealed.length === 0) return port.handOver.send(own as readonly StreamWrite[], send, signal)
  const ready = keys instanceof Promise ? keys.then((found) => sealedWrites(own, found)) : sealedWrites(own, keys)
  return port.handOver.send(ready, send, signal)
}

function eventsOf(write: Write): Write['events'] {
  return Array.isArray(write?.events) ? write.events : []
}

type FoundKeys = ReadonlyMap<string, SealingKey>

const noKeys: FoundKeys = new Map()

/** The keys that are needed; without waiting where all are at hand. */
function keysFor(port: SealingPort, unsealed: readonly Unsealed[]): FoundKeys | Promise<FoundKeys> {
  const refs = [...new Set(unsealed.flatMap(({ parts }) => parts.map(({ ref }) => ref)))]
  const found = madeOfEach(refs, (ref) => port.ring.sealingKey(ref, () => isInLog(port, ref)))
  const isAtHand = found.every((key): key is SealingKey => !(key instanceof Promise) && key !== 'forgotten')
  return isAtHand ? new Map(refs.map((ref, index) => [ref, found[index] as SealingKey])) : lookedUp()

  async function lookedUp(): Promise<FoundKeys> {
    const settled = await Promise.all(found)
    const keys = new Map<string, SealingKey>()
    for (const [index, ref] of refs.entries()) {
      const key = settled[index]
      if (key === undefined || key === 'forgotten') await refuseUnlessRepeated(port, unsealed, ref)
      else keys.set(ref, key)
    }
    return keys
  }
}

/**
 * An append is repeated safely, also when its subject was forgotten since: its events are known by their ids, and what is
 * sent again is not stored.
 */
async function refuseUnlessRepeated(port: SealingPort, unsealed: readonly Unsealed[], ref: string): Promise<void> {
  for (const { event, parts } of unsealed) {
    if (!parts.some((part) => part.ref === ref)) continue
    if ((await port.store.readEvent(event.id)) === undefined) throw new SubjectForgotten(ref)
  }
}

async function isInLog({ store }: SealingPort, ref: string): Promise<boolean> {
  return (await store.readAll({ filter: { tags: [subjectTag(ref)] } }).first()) !== undefined
}

function sealedWrites(writes: readonly Write[], keys: FoundKeys): readonly StreamWrite[] {
  return writes.map((write) => ({
    ...write,
    events: write.events.map((event) => (isUnsealed(event) ? sealedEvent(event, keys) : event)),
  }))
}
