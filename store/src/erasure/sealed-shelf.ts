/**
 * A shelf on which snapshots are sealed. A state may hold personal data of everybody in its stream, so a snapshot is sealed
 * with the keys of all of them together: once one of them is forgotten it cannot be opened, wherever a copy of it lies,
 * and the state is folded from the events again.
 *
 * Invariant: what is kept lists all subjects of the events that were folded, those before the last snapshot included.
 */
import { hkdfSync } from 'node:crypto'
import { isSnapshotKey } from '../deciders/snapshot-shelf.ts'
import type { EventStore } from '../event-store.ts'
import { KeyMissing, SubjectForgotten } from '../model/erasure-errors.ts'
import { InvalidArgument } from '../model/errors.ts'
import type { ShelfItem, StoreShelf } from '../model/shelf.ts'
import type { Snapshot } from '../model/snapshot.ts'
import { keyBytes, seal, unseal } from './box.ts'
import { type KeyRing, usable } from './key-ring.ts'
import { subjectsIn } from './subject.ts'

/** A snapshot as it lies on the shelf; the state of one that has subjects is sealed. */
interface SealedSnapshot extends Snapshot {
  readonly sealedFor: readonly Lock[]
}

/** A subject whose key is needed; version 0 of one that was forgotten before the state was folded. */
interface Lock {
  readonly subject: string
  readonly key: number
}

/** No policy has this version, so that a store without keys takes a sealed snapshot for none it can use. */
const sealedPolicyVersion = 0

/** The shelf of a store, for a store with personal data. */
export function sealedShelf(store: EventStore, ring: KeyRing): StoreShelf {
  const { shelf } = store
  return {
    get: async (key, options) => {
      const item = await shelf.get(key, options)
      return item === undefined || !isSealed(item.value) ? item : openedItem(ring, item, item.value)
    },
    put: async (key, value, options) =>
      shelf.put(key, isSnapshotKey(key) && isSnapshot(value) ? await sealed(store, ring, key, value) : value, options),
    delete: (key, options) => shelf.delete(key, options),
    list: (options) => shelf.list(options),
  }
}

async function sealed(store: EventStore, ring: KeyRing, key: string, snapshot: Snapshot): Promise<SealedSnapshot> {
  const locks = await Promise.all((await subjectsOf(store, key, snapshot)).map((subject) => lockOf(ring, subject)))
  const { firstVersion, version, eventId } = snapshot
  if (locks.every((lock) => lock.key === 0)) return { ...snapshot, sealedFor: locks }
  const outside = { policyVersion: sealedPolicyVersion, firstVersion, version, eventId, sealedFor: locks }
  const state = seal(JSON.stringify(snapshot), await keyOf(ring, locks), labelOf(key, outside))
  return { ...outside, state }
}

/** What was folded since the last snapshot is looked through; what was before is known from that one. */
async function subjectsOf(store: EventStore, key: string, snapshot: Snapshot): Promise<readonly string[]> {
  const { firstVersion, version, eventId } = snapshot
  const streamId = (await store.readEvent(eventId))?.streamId
  if (streamId === undefined) throw new InvalidArgument('value.eventId', 'is of no event in this store')
  const before = await lastOn(store.shelf, key)
  const goesOn = before !== undefined && before.firstVersion === firstVersion && before.version < version
  const subjects = new Set(goesOn ? before.sealedFor.map(({ subject }) => subject) : [])
  const from = goesOn ? before.version + 1 : firstVersion
  let seen = 0
  for await (const { tags } of store.readStream(streamId, { from, limit: version - from + 1 })) {
    for (const subject of subjectsIn(tags)) subjects.add(subject)
    seen += 1
  }
  if (seen !== version - from + 1) throw new InvalidArgument('value', `is of events that ${streamId} does not show now`)
  return [...subjects].sort()
}

async function lastOn(shelf: StoreShelf, key: string): Promise<SealedSnapshot | undefined> {
  const value = (await shelf.get(key))?.value
  return isSealed(value) ? value : undefined
}

async function lockOf(ring: KeyRing, subject: string): Promise<Lock> {
  const keys = await ring.keysOf(subject)
  if (keys === undefined) throw new KeyMissing(subject)
  if (keys !== 'forgotten') return { subject, key: Math.max(...keys.keys()) }
  // The state may have been folded before the subject was forgotten, by this process and no other.
  if (ring.hasOpened(subject)) throw new SubjectForgotten(subject)
  return { subject, key: 0 }
}

async function openedItem(ring: KeyRing, item: ShelfItem, value: SealedSnapshot): Promise<ShelfItem | undefined> {
  if (value.policyVersion !== sealedPolicyVersion) return item
  try {
    const text = unseal(String(value.state), await keyOf(ring, value.sealedFor), labelOf(item.key, value))
    for (const { subject, key } of value.sealedFor) if (key > 0) ring.opening(subject)
    return { ...item, value: JSON.parse(text) }
  } catch (error) {
    // Without its keys it is no snapshot, and the events are folded instead, which says what is wrong if anything is.
    if (isUnopenable(error)) return undefined
    throw error
  }
}

function isUnopenable(error: unknown): boolean {
  return error instanceof SubjectForgotten || error instanceof KeyMissing || (error as Error).constructor === Error
}

/** One key of those of all subjects (HKDF, RFC 5869): it is gone with any of them. */
async function keyOf(ring: KeyRing, locks: readonly Lock[]): Promise<Uint8Array> {
  const all: Uint8Array[] = []
  for (const { subject, key } of locks) {
    if (key === 0) continue
    const keys = await ring.keysOf(subject)
    if (keys === 'forgotten') throw new SubjectForgotten(subject)
    if (keys?.has(key) !== true) throw new KeyMissing(subject, { version: key })
    all.push(usable(subject, key, keys.get(key)))
  }
  return new Uint8Array(hkdfSync('sha256', Buffer.concat(all), '', 'varve snapshot', keyBytes))
}

function labelOf(key: string, { firstVersion, version, eventId, sealedFor }: Omit<SealedSnapshot, 'state'>): string {
  return JSON.stringify(['varve snapshot', 1, key, firstVersion, version, eventId, sealedFor])
}

function isSnapshot(value: unknown): value is Snapshot {
  return typeof value === 'object' && value !== null && 'eventId' in value && 'state' in value
}

function isSealed(value: unknown): value is SealedSnapshot {
  return isSnapshot(value) && 'sealedFor' in value && Array.isArray(value.sealedFor)
}
