import { deepEqual, equal, match, throws } from 'node:assert/strict'
import { describe, it } from 'vitest'
import { z } from 'zod'
import type { EventDefinitions } from '../../model/event-definition.ts'
import { defineEvents, event, retired } from '../events.ts'
import { checkSchemas, lockSchemas, type SchemaLock, schemaLockFrom, schemaLockText } from './schema-lock.ts'

const schema = z.object({ id: z.string(), name: z.string(), email: z.string() })

interface Registered {
  readonly id: string
  readonly name: string
  readonly email: string
}

/** The same event, with other fields marked as personal. */
function registered(fields: readonly ('name' | 'email')[], version = 1, hasSchema = true): EventDefinitions {
  const marks = Object.fromEntries(fields.map((field) => [field, '']))
  const personal = { subject: ({ id }: { id: string }) => id, fields: marks }
  const upcast = version > 1 ? { upcast: { 1: (old: unknown) => old } } : {}
  const given = { version, ...upcast, ...(fields.length > 0 && { personal }) }
  return hasSchema
    ? defineEvents({ Registered: { schema, ...given } as { schema: typeof schema } })
    : defineEvents({ Registered: event<Registered>(given) })
}

const found = (events: EventDefinitions, lock: SchemaLock): readonly string[] =>
  checkSchemas(events, lock)
    .filter(({ kind }) => kind !== 'compiler_only')
    .map(({ severity, kind, path }) => `${severity} ${kind} ${path}`)

describe.each([
  ['a schema', true],
  ['a type that only the compiler knows', false],
])('what is personal, in the lock of %s', (_, hasSchema) => {
  const lock = lockSchemas(registered(['name', 'email'], 1, hasSchema))

  it('is written down, and read back', () => {
    deepEqual(lock.personal, { Registered: { 1: ['email', 'name'] } })
    deepEqual(schemaLockFrom(schemaLockText(lock)), lock)
    deepEqual(found(registered(['email', 'name'], 1, hasSchema), lock), [])
  })

  it('is refused when a mark is gone, and says what that would mean', () => {
    const events = registered(['email'], 1, hasSchema)
    deepEqual(found(events, lock), ['refused personal_removed $.name'])
    const finding = checkSchemas(events, lock).find(({ kind }) => kind === 'personal_removed')
    match(finding?.says ?? '', /stored in the clear/)
    match(finding?.advice ?? '', /raise the version to 2/)
    throws(() => lockSchemas(events, lock), { code: 'INVALID_ARGUMENT', argument: 'events.Registered' })
  })

  it('is refused when all of them are', () => {
    deepEqual(found(registered([], 1, hasSchema), lock), [
      'refused personal_removed $.email',
      'refused personal_removed $.name',
    ])
  })

  it('makes the lock outdated when there are more, which is settled by locking', () => {
    const less = lockSchemas(registered(['name'], 1, hasSchema))
    const events = registered(['name', 'email'], 1, hasSchema)
    deepEqual(found(events, less), ['refused outdated_lock $.email'])
    deepEqual(found(events, lockSchemas(events, less)), [])
  })

  it('is noted when a new version does without, and the old one stays as it was', () => {
    const events = registered(['email'], 2, hasSchema)
    deepEqual(found(events, lock), ['note personal_removed $.name', 'refused not_locked $'])
    const both = lockSchemas(events, lock)
    deepEqual(both.personal, { Registered: { 1: ['email', 'name'], 2: ['email'] } })
    deepEqual(found(events, both), [])
  })
})

it('a field that a new version does not have any more needs no mark', () => {
  const lock = lockSchemas(registered(['name']))
  const without = z.object({ id: z.string(), email: z.string() })
  const events = defineEvents({ Registered: { schema: without, version: 2, upcast: { 1: (old: unknown) => old } } })
  deepEqual(found(events, lock), ['refused not_locked $'])
})

it('a lock without anything personal says nothing of it, and a retired type keeps what it says', () => {
  equal('personal' in lockSchemas(registered([])), false)
  const lock = lockSchemas(registered(['name']))
  const events = defineEvents({ Registered: retired({ into: [], upcast: () => [] }) })
  deepEqual([found(events, lock), lockSchemas(events, lock)], [[], lock])
})
