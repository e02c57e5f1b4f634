import { quoted, VarveError } from './varve-error.ts'

/** The errors about one event. */
export type AnyEventError =
  | PayloadInvalid
  | PayloadUnreadable
  | EventNotDefined
  | EventsArchived
  | UpcastFailed
  | ProjectionFailed
  | ReactionFailed

/** A payload does not have the shape its event definition asks for; when it was on its way in, nothing was written. */
export class PayloadInvalid extends VarveError {
  readonly code = 'PAYLOAD_INVALID'
  readonly eventType: string
  /** What the validator found, each with the path into the payload. */
  readonly issues: readonly { readonly path: string; readonly message: string }[]
  /** Which event it is: its place among the events to append, as in `events[0]`, or its id and position. */
  readonly at: string

  constructor(eventType: string, issues: readonly { readonly path: string; readonly message: string }[], at: string) {
    const found = issues.map(({ path, message }) => (path === '' ? message : `${path}: ${message}`)).join('; ')
    super(`The payload of ${eventType} (${at}) does not fit its definition: ${found}`)
    this.eventType = eventType
    this.issues = issues
    this.at = at
  }
}

/** What an error about one recorded event says of it. */
interface EventInError {
  readonly id: string
  readonly streamId: string
  readonly type: string
  readonly position: number
  readonly schemaVersion: number
}

/** A recorded event is of a type, or in a schema version, that the definitions of its reader lack. */
export class EventNotDefined extends VarveError {
  readonly code = 'EVENT_NOT_DEFINED'
  readonly eventId: string
  readonly eventType: string
  readonly position: number
  readonly schemaVersion: number
  /** The version that is defined; undefined when the type is not defined at all. */
  readonly definedVersion: number | undefined

  constructor(event: EventInError, definedVersion: number | undefined) {
    super(
      `Event ${event.id} at position ${event.position} in stream ${quoted(event.streamId)} is ${quoted(event.type)} in ` +
        `schema version ${event.schemaVersion}, ` +
        (definedVersion === undefined
          ? "which is not defined. Define it, or read with undefinedEvents: 'skip' to pass over such events."
          : `but version ${definedVersion} is defined. Give the definition an upcaster from version ${event.schemaVersion}, or define the version that is stored.`),
    )
    this.eventId = event.id
    this.eventType = event.type
    this.position = event.position
    this.schemaVersion = event.schemaVersion
    this.definedVersion = definedVersion
  }
}

/** An event of the past could not be read as one of today; `cause` is what its upcaster threw. */
export class UpcastFailed extends VarveError {
  readonly code = 'UPCAST_FAILED'
  readonly eventId: string
  /** What the upcaster was given: the type and the schema version on the way from what is stored. */
  readonly eventType: string
  readonly schemaVersion: number
  readonly streamId: string
  readonly position: number

  constructor(
    event: EventInError,
    from: Pick<EventInError, 'type' | 'schemaVersion'>,
    problem: string,
    options?: ErrorOptions,
  ) {
    super(
      `Event ${event.id} at position ${event.position} in stream ${quoted(event.streamId)} cannot be read as an event of today: ` +
        `from ${quoted(from.type)} in schema version ${from.schemaVersion}, ${problem}. Mend the upcaster; the event stays as it is.`,
      options,
    )
    this.eventId = event.id
    this.eventType = from.type
    this.schemaVersion = from.schemaVersion
    this.streamId = event.streamId
    this.position = event.position
  }
}

/** A read, or an append condition, needs events of the beginning of the log, which were archived: none is passed over. */
export class EventsArchived extends VarveError {
  readonly code = 'EVENTS_ARCHIVED'
  /** The last position that is archived; the first one is 1. */
  readonly archivedUntil: number

  constructor(archivedUntil: number, options?: ErrorOptions) {
    super(
      `Positions 1 to ${archivedUntil} are archived, and events among them are needed here. Begin at position ` +
        `${archivedUntil + 1} or later, or let their owner attach them again: varve archive --attach-from <position>.`,
      options,
    )
    this.archivedUntil = archivedUntil
  }
}

/** A projection could not handle an event and stopped before it; `cause` is what its handler threw. */
export class ProjectionFailed extends VarveError {
  readonly code = 'PROJECTION_FAILED'
  readonly projection: string
  readonly eventId: string
  readonly eventType: string
  readonly streamId: string
  readonly position: number

  constructor(projection: string, event: EventInError, options: ErrorOptions) {
    const { cause } = options
    super(
      `Projection ${quoted(projection)} failed at event ${event.id} (${quoted(event.type)}, position ${event.position}, ` +
        `stream ${quoted(event.streamId)}): ${cause instanceof Error ? cause.message : String(cause)}. ` +
        'It stopped and kept nothing of this event: mend the handler and start it again; it resumes there.',
      options,
    )
    this.projection = projection
    this.eventId = event.id
    this.eventType = event.type
    this.streamId = event.streamId
    this.position = event.position
  }
}

/** A reaction could not handle an event, or could not send a command that follows from it; `cause` is what was thrown. */
export class ReactionFailed extends VarveError {
  readonly code = 'REACTION_FAILED'
  readonly reaction: string
  /** The event that was reacted to, or that had set the deadline. */
  readonly eventId: string
  readonly eventType: string
  readonly streamId: string
  readonly position: number
  /** The process, once it was known. */
  readonly processId: string | undefined
  /** The deadline that had come, if it was one. */
  readonly deadline: string | undefined
  /** The command that could not be sent, if it was one. */
  readonly commandId: string | undefined

  constructor(reaction: string, at: PlaceInReaction, options: ErrorOptions) {
    const { event, processId, deadline, commandId } = at
    const { cause } = options
    const where = deadline === undefined ? 'at' : `at deadline ${quoted(deadline)} set by`
    const what = commandId === undefined ? 'failed' : `could not send command ${quoted(commandId)}`
    super(
      `Reaction ${quoted(reaction)} ${what} ${where} event ${event.id} (${quoted(event.type)}, position ${event.position}, ` +
        `stream ${quoted(event.streamId)}): ${cause instanceof Error ? cause.message : String(cause)}. ` +
        'It stopped and lost nothing: mend the cause and start it again; it resumes there.',
      options,
    )
    this.reaction = reaction
    this.eventId = event.id
    this.eventType = event.type
    this.streamId = event.streamId
    this.position = event.position
    this.processId = processId
    this.deadline = deadline
    this.commandId = commandId
  }
}

/** Where a reaction stopped. */
export interface PlaceInReaction {
  readonly event: Omit<EventInError, 'schemaVersion'>
  readonly processId?: string | undefined
  readonly deadline?: string | undefined
  readonly commandId?: string | undefined
}

/** A stored payload is not what its content type says. */
export class PayloadUnreadable extends VarveError {
  readonly code = 'PAYLOAD_UNREADABLE'
  readonly eventId: string

  constructor(eventId: string, contentType: string, options?: ErrorOptions) {
    super(`The payload of event ${eventId} is not valid ${contentType}. Read its exact bytes from rawData.`, options)
    this.eventId = eventId
  }
}
