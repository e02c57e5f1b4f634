import { newEventFields } from '../model/call-fields.ts'
import { InvalidArgument } from '../model/errors.ts'
import type { NewEvent } from '../model/event.ts'
import { definitionOf, type EventDefinition, type EventDefinitions } from '../model/event-definition.ts'
import { refuseUnknownFields } from '../model/known-fields.ts'
import { jsonContentType } from '../model/payload.ts'
import { type AnyPersonalFields, sealedKey } from '../model/personal-data.ts'
import { encodeJson } from '../schema/codec.ts'
import { canonicalUuid, idFromKey } from '../streams/event-id.ts'
import { seal } from './box.ts'
import type { SealingKey } from './key-ring.ts'
import { isSubjectTag, subjectRef, subjectTag } from './subject.ts'

/** An event whose personal fields were taken out and are to be sealed. */
export interface Unsealed {
  /** As it is stored, apart from what is sealed: with placeholders, its id, and the tags of its subjects. */
  readonly event: NewEvent & { readonly id: string }
  readonly streamId: string
  readonly parts: readonly { readonly ref: string; readonly fields: object }[]
}

/** Sealed fields of one subject, as they lie in a payload. */
export interface SealedPart {
  readonly subject: string
  /** Version of the key. */
  readonly key: number
  readonly sealed: string
}

/** Where an event goes, and what is known about it. */
export interface Destination {
  readonly streamId: string
  readonly index: number
  readonly idempotencyKey: string | undefined
  readonly events: EventDefinitions
  readonly newId: () => string
}

/**
 * Takes an event apart at once, so that nothing a caller changes later matters. One without personal data is given back as
 * it is.
 *
 * @throws INVALID_ARGUMENT for what could only be stored in the clear.
 */
export function takenApart(event: NewEvent, to: Destination): NewEvent | Unsealed {
  if (typeof event !== 'object' || event === null) return event
  const at = `events[${to.index}]`
  refuseUnknownFields(event, newEventFields, at)
  refuseSealed(event, at)
  const given = withoutSubjects(event)
  const definition = definitionOf(to.events, given.type)
  if (definition?.retired !== undefined) {
    throw new InvalidArgument(`${at}.type`, `is ${JSON.stringify(given.type)}, which is retired`)
  }
  if (definition?.personal === undefined) return given
  const data = payloadOf(given, definition, at)
  const parts = definition.personal.flatMap((one) => partOf(one, data, `${at}.data`))
  return parts.length === 0 ? given : unsealed(given, to, data, joined(parts))
}

/** Whether something was taken out of an event. */
export function isUnsealed(event: NewEvent | Unsealed): event is Unsealed {
  return typeof event === 'object' && event !== null && 'parts' in event
}

/** The event as it is stored; without keys it keeps its placeholders only. */
export function sealedEvent({ event, streamId, parts }: Unsealed, keys: ReadonlyMap<string, SealingKey>): NewEvent {
  const sealed = parts.flatMap(({ ref, fields }): readonly SealedPart[] => {
    const found = keys.get(ref)
    if (found === undefined) return []
    const place = { id: event.id, streamId, type: event.type, schemaVersion: event.schemaVersion ?? 1 }
    const label = labelOf(place, ref, found.version)
    return [{ subject: ref, key: found.version, sealed: seal(JSON.stringify(fields), found.key, label) }]
  })
  return { ...event, data: { ...(event.data as object), [sealedKey]: sealed } }
}

/** What a sealed part is bound to, so that it opens nowhere else. */
export function labelOf(
  event: { readonly id: string; readonly streamId: string; readonly type: string; readonly schemaVersion: number },
  ref: string,
  keyVersion: number,
): string {
  const { id, streamId, type, schemaVersion } = event
  return JSON.stringify(['varve personal data', 1, id, streamId, type, schemaVersion, ref, keyVersion])
}

function refuseSealed({ data }: NewEvent, at: string): void {
  if (typeof data === 'object' && data !== null && Object.hasOwn(data, sealedKey)) {
    throw new InvalidArgument(
      `${at}.data`,
      `has a key ${sealedKey}, which is where sealed fields are kept; copies of stored events are imported without keys`,
    )
  }
}

/** Tags of subjects are given here and nowhere else; those of an event that was read and is appended anew say nothing. */
function withoutSubjects(given: NewEvent): NewEvent {
  const { tags } = given
  const isGiven = Array.isArray(tags) && tags.some((tag) => typeof tag === 'string' && isSubjectTag(tag))
  return isGiven ? { ...given, tags: tags.filter((tag) => !isSubjectTag(tag)) } : given
}

type Fields = Readonly<Record<string, unknown>>

function payloadOf(given: NewEvent, definition: EventDefinition, at: string): Fields {
  const schemaVersion = given.schemaVersion ?? 1
  if (schemaVersion !== definition.version) {
    throw new InvalidArgument(
      `${at}.schemaVersion`,
      `is ${schemaVersion}, and which fields are personal is known of ${definition.version} only: append through store.category(…)`,
    )
  }
  if (given.data instanceof Uint8Array || (given.contentType ?? jsonContentType) !== jsonContentType) {
    throw new InvalidArgument(`${at}.data`, 'is no JSON, so its personal fields cannot be found')
  }
  const data: unknown = JSON.parse(encodeJson(given.data, `${at}.data`))
  if (typeof data === 'object' && data !== null && !Array.isArray(data)) return data as Fields
  throw new InvalidArgument(`${at}.data`, 'is no JSON object, so its personal fields cannot be found')
}

interface Part {
  readonly ref: string
  readonly fields: Fields
  readonly placeholders: Fields
}

function partOf({ subject, fields: placeholders }: AnyPersonalFields, data: Fields, at: string): readonly Part[] {
  const present = Object.entries(data).filter(([field]) => Object.hasOwn(placeholders, field))
  if (present.length === 0) return []
  return [{ ref: refOf(subject, data, at), fields: Object.fromEntries(present), placeholders: placeholders as Fields }]
}

function refOf(subject: AnyPersonalFields['subject'], data: Fields, at: string): string {
  const id: unknown = subject(data)
  if (typeof id !== 'string' || id === '') {
    throw new InvalidArgument(at, 'names no subject whose its personal fields are: `subject` gave no id')
  }
  return subjectRef(id)
}

/** Fields of one subject that was named twice are sealed together. */
function joined(parts: readonly Part[]): readonly Part[] {
  const byRef = new Map<string, Part>()
  for (const part of parts) {
    const { ref, fields, placeholders } = byRef.get(part.ref) ?? part
    byRef.set(ref, {
      ref,
      fields: { ...fields, ...part.fields },
      placeholders: { ...placeholders, ...part.placeholders },
    })
  }
  return [...byRef.values()]
}

function unsealed(given: NewEvent, to: Destination, data: Fields, parts: readonly Part[]): Unsealed {
  const placeholders = new Map(parts.flatMap((part) => Object.entries(part.placeholders)))
  const kept = Object.entries(data).flatMap(([field, value]) => {
    if (!placeholders.has(field)) return [[field, value] as const]
    const placeholder = placeholders.get(field)
    return placeholder === undefined ? [] : [[field, placeholder] as const]
  })
  const tags = [...(given.tags ?? []), ...parts.map(({ ref }) => subjectTag(ref))]
  const event = { ...given, id: idOf(given, to), data: Object.fromEntries(kept), tags }
  return { event, streamId: to.streamId, parts: parts.map(({ ref, fields }) => ({ ref, fields })) }
}

/** The id is decided here, as the store would, because what is sealed is bound to it. */
function idOf({ id }: NewEvent, { idempotencyKey, streamId, index, newId }: Destination): string {
  if (id === undefined) return idempotencyKey === undefined ? newId() : idFromKey(idempotencyKey, streamId, index)
  const canonical = typeof id === 'string' ? canonicalUuid(id) : undefined
  if (canonical === undefined) throw new InvalidArgument(`events[${index}].id`, 'is not a UUID')
  return canonical
}
