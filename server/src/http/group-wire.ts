import { type TSchema, type TUnsafe, Type } from 'typebox'
import { type GivenGroupSettings, limits } from 'varve'
import { queryFrom, querySchema, type WireQuery } from './wire.ts'

/** Settings of a group, as clients send them. */
export interface WireSettings {
  readonly strategy?: string
  readonly pinned_by?: string
  readonly message_timeout_ms?: number
  readonly retries_max?: number
  readonly retry_delay_ms?: number
  readonly member_timeout_ms?: number
  readonly in_flight_max?: number
  readonly buffer_events?: number
  readonly consumers_max?: number
  readonly checkpoint_events?: number
  readonly checkpoint_ms?: number
}

/** A new group, as clients send it. */
export interface WireNewGroup extends WireSettings {
  readonly stream?: string
  readonly query?: WireQuery
  readonly from?: number | 'end'
}

const count = (description: string): TSchema => Type.Optional(Type.Integer({ minimum: 0, description }))

const settingFields = {
  strategy: Type.Optional(Type.Enum(['round_robin', 'single', 'overflow', 'pinned', 'sticky'])),
  pinned_by: Type.Optional(
    Type.String({ description: '"stream", "category", "correlation" or "tag:" and the beginning of a tag' }),
  ),
  message_timeout_ms: count('Time that a consumer has for an event; default 30000'),
  retries_max: count('Deliveries after the first one that failed, before an event is parked; default 10'),
  retry_delay_ms: count('Before the first retry, doubled for each further one; default 1000'),
  member_timeout_ms: count('Time without a sign of life after which a program is taken for lost; default 10000'),
  in_flight_max: count(`Events unfinished at a time; default 1000, at most ${limits.groupInFlight}`),
  buffer_events: count(`Events that a consumer has at a time; default 256, at most ${limits.consumerEvents}`),
  consumers_max: count(`At most ${limits.groupConsumers}`),
  checkpoint_events: count('Acks after which they are saved, at the latest; default 1,000'),
  checkpoint_ms: count('Time after which an ack is saved, at the latest; default 20'),
}

const closed = { additionalProperties: false } as const

/** The shape of {@link WireSettings}. */
export const settingsSchema: TUnsafe<WireSettings> = Type.Unsafe<WireSettings>(Type.Object(settingFields, closed))

/** The shape of {@link WireNewGroup}. */
export const newGroupSchema: TUnsafe<WireNewGroup> = Type.Unsafe<WireNewGroup>(
  Type.Object(
    {
      stream: Type.Optional(Type.String({ description: 'Follows one stream, by version, instead of the store' })),
      query: Type.Optional(querySchema),
      from: Type.Optional(
        Type.Union([Type.Integer({ minimum: 0 }), Type.Literal('end')], {
          description:
            'a position from 0 on, a version with stream, or "end": where to begin, inclusive; default: the beginning',
        }),
      ),
      ...settingFields,
    },
    closed,
  ),
)

/** Settings as the store's API takes them. */
export function settingsFrom(wire: WireSettings): GivenGroupSettings {
  const { stream: _, query: __, from: ___, ...settings } = wire as WireNewGroup
  return Object.fromEntries(Object.entries(settings).map(([name, value]) => [camelCase(name), value]))
}

/** What a new group follows, as the store's API takes it. */
export function sourceFrom({ stream, query, from }: WireNewGroup): object {
  return {
    ...(stream !== undefined && { stream }),
    ...(query !== undefined && { filter: queryFrom(query) }),
    ...(from !== undefined && { from }),
  }
}

function camelCase(name: string): string {
  return name.replace(/_([a-z])/g, (_, letter: string) => letter.toUpperCase())
}

/** The parameters of a path that names a group. */
export const groupParams: TUnsafe<{ group: string }> = Type.Unsafe<{ group: string }>(
  Type.Object({ group: Type.String({ description: 'Percent-encoded' }) }),
)
