import { quoted, VarveError } from './varve-error.ts'

/** What consumer groups refuse. */
export type AnyGroupError =
  | GroupNotFound
  | GroupExists
  | GroupStopped
  | GroupFull
  | GroupChanged
  | DeliveryLost
  | ParkedCountDiffers

/** There is no such consumer group. */
export class GroupNotFound extends VarveError {
  readonly code = 'GROUP_NOT_FOUND'
  readonly group: string

  constructor(group: string) {
    super(`There is no consumer group ${quoted(group)}, or it was deleted. Create it with createGroup().`)
    this.group = group
  }
}

/** A consumer group of this name is there already; it was left as it is. */
export class GroupExists extends VarveError {
  readonly code = 'GROUP_EXISTS'
  readonly group: string

  constructor(group: string) {
    super(
      `There is a consumer group ${quoted(group)} already. Use it, change it with updateGroup(), or delete it first.`,
    )
    this.group = group
  }
}

/** The consumer group was stopped, by a consumer that could not go on or by an operator, and delivers nothing. */
export class GroupStopped extends VarveError {
  readonly code = 'GROUP_STOPPED'
  readonly group: string
  /** Why. */
  readonly reason: string
  /** Of the event a consumer stopped at; of a group on one stream, its version. */
  readonly position: number | undefined

  constructor(group: string, { reason, position }: { readonly reason: string; readonly position: number | undefined }) {
    const at = position === undefined ? '' : ` at ${position}`
    super(
      `Consumer group ${quoted(group)} was stopped${at}: ${reason || 'no reason given'}. ` +
        'It delivers nothing until it is started again with startGroup().',
    )
    this.group = group
    this.reason = reason
    this.position = position
  }
}

/** The consumer group has as many consumers as it may have. */
export class GroupFull extends VarveError {
  readonly code = 'GROUP_FULL'
  override readonly retryable = true
  readonly group: string

  constructor(group: string) {
    super(
      `Consumer group ${quoted(group)} has as many consumers as it may have. ` +
        'Try again when one has left, or raise its consumersMax, up to limits.groupConsumers and limits.groupMembers.',
    )
    this.group = group
  }
}

/** The settings of the consumer group were changed, and the consumer was to end then. */
export class GroupChanged extends VarveError {
  readonly code = 'GROUP_CHANGED'
  override readonly retryable = true
  readonly group: string

  constructor(group: string) {
    super(
      `The settings of consumer group ${quoted(group)} were changed. Join it again, to take part in what it is now.`,
    )
    this.group = group
  }
}

/** The event is not this consumer's any more: it comes, or came, to another one, and nothing was recorded. */
export class DeliveryLost extends VarveError {
  readonly code = 'DELIVERY_LOST'
  readonly group: string
  /** Of the event; of a group on one stream, its version. */
  readonly position: number

  constructor(group: string, position: number, problem: string) {
    super(
      `The event at ${position} is not this consumer's any more: ${problem}. Nothing was recorded, and ` +
        `consumer group ${quoted(group)} delivers it again: let the handler take no harm from seeing an event twice.`,
    )
    this.group = group
    this.position = position
  }
}

/** Another number of events is parked than the caller counted on; nothing was changed. */
export class ParkedCountDiffers extends VarveError {
  readonly code = 'PARKED_COUNT_DIFFERS'
  override readonly retryable = true
  /** Of a consumer group; undefined for a projection. */
  readonly group: string | undefined
  /** Of a projection; undefined for a consumer group. */
  readonly projection: string | undefined
  readonly expected: number
  readonly actual: number

  constructor(where: { readonly group: string } | { readonly projection: string }, expected: number, actual: number) {
    const { group, projection } = { group: undefined, projection: undefined, ...where }
    super(
      `${group === undefined ? 'Projection' : 'Consumer group'} ${quoted(group ?? projection ?? '')} has ${actual} of these ` +
        `events parked, not ${expected}. Nothing was changed: look at them again, and say how many you mean.`,
    )
    this.group = group
    this.projection = projection
    this.expected = expected
    this.actual = actual
  }
}
