import { KeyMissing, PersonalDataUnreadable } from '../model/erasure-errors.ts'
import type { RecordedEvent } from '../model/event.ts'
import { sealedKey } from '../model/personal-data.ts'
import { readAs } from '../model/read-as.ts'
import { unseal } from './box.ts'
import { type KeyRing, type Keys, usable } from './key-ring.ts'
import { labelOf, type SealedPart } from './seal-events.ts'
import { isSubjectTag, subjectsIn } from './subject.ts'

/**
 * A stored event with its personal fields opened, or with placeholders where their subject is forgotten. Without waiting
 * where no key has to be looked up; most events have no personal data and are given back as they are.
 *
 * @throws KEY_MISSING, PERSONAL_DATA_UNREADABLE
 */
export function openedEvent(ring: KeyRing, recorded: RecordedEvent): RecordedEvent | Promise<RecordedEvent> {
  if (!recorded.tags.some(isSubjectTag)) return recorded
  const parts = partsOf(recorded)
  const found = parts.map(({ subject }) => ring.keysOf(subject))
  const isAtHand = found.every((keys): keys is Keys => !(keys instanceof Promise))
  if (isAtHand && parts.every((part, index) => hasKey(found[index], part))) return opened(ring, recorded, parts, found)
  return lookedUp(ring, recorded, parts, found)
}

async function lookedUp(
  ring: KeyRing,
  recorded: RecordedEvent,
  parts: readonly SealedPart[],
  found: readonly (Keys | Promise<Keys>)[],
): Promise<RecordedEvent> {
  const keys = await Promise.all(
    parts.map(async (part, index) => {
      const known = await found[index]
      // A key that was added since the last lookup, or since one that was joined.
      return hasKey(known, part) ? known : ring.keysNow(part.subject)
    }),
  )
  return opened(ring, recorded, parts, keys)
}

function hasKey(keys: Keys, { key }: SealedPart): boolean {
  return keys === 'forgotten' || keys?.has(key) === true
}

function opened(
  ring: KeyRing,
  recorded: RecordedEvent,
  parts: readonly SealedPart[],
  found: readonly Keys[],
): RecordedEvent {
  const fields = new Map<string, unknown>()
  for (const [index, part] of parts.entries()) {
    const keys = found[index]
    if (keys === 'forgotten') continue
    for (const [field, value] of Object.entries(fieldsOf(recorded, part, keys))) fields.set(field, value)
    ring.opening(part.subject)
  }
  const { type, schemaVersion } = recorded
  const data = withFields(recorded.data as object, fields)
  return readAs(recorded, { type, schemaVersion, data, erased: found.includes('forgotten') })
}

function fieldsOf(recorded: RecordedEvent, part: SealedPart, keys: Keys): object {
  const { subject, key: version } = part
  const key = keys === 'forgotten' ? undefined : keys?.get(version)
  if (key === undefined) throw new KeyMissing(subject, { eventId: recorded.id, version })
  try {
    return JSON.parse(unseal(part.sealed, usable(subject, version, key), labelOf(recorded, subject, version))) as object
  } catch (cause) {
    if (cause instanceof SyntaxError || !isCipherError(cause)) throw cause
    throw new PersonalDataUnreadable(recorded.id, subject, 'it was altered, moved, or sealed with another key', {
      cause,
    })
  }
}

/** The cipher throws plain errors, Varve's own have a code of theirs. */
function isCipherError(error: unknown): boolean {
  return error instanceof Error && error.constructor === Error
}

/** The fields in the places their placeholders hold; those that hold none come last. */
function withFields(stored: object, fields: ReadonlyMap<string, unknown>): object {
  const entries = Object.entries(stored).filter(([name]) => name !== sealedKey)
  return Object.fromEntries(new Map([...entries, ...fields]))
}

function partsOf(recorded: RecordedEvent): readonly SealedPart[] {
  const data = recorded.data as { readonly [sealedKey]?: unknown } | null
  const parts = typeof data === 'object' && data !== null ? data[sealedKey] : undefined
  const subjects = subjectsIn(recorded.tags)
  if (Array.isArray(parts) && parts.every(isPart) && sameSet(parts, subjects)) return parts
  throw new PersonalDataUnreadable(recorded.id, subjects[0], 'its payload lacks the sealed fields of its subjects')
}

function sameSet(parts: readonly SealedPart[], subjects: readonly string[]): boolean {
  return parts.length === subjects.length && parts.every(({ subject }) => subjects.includes(subject))
}

function isPart(part: unknown): part is SealedPart {
  if (typeof part !== 'object' || part === null) return false
  const { subject, key, sealed } = part as Partial<Record<keyof SealedPart, unknown>>
  return typeof subject === 'string' && Number.isSafeInteger(key) && typeof sealed === 'string'
}
