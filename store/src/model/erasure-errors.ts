import { quoted, VarveError } from './varve-error.ts'

/** The errors of personal data. */
export type AnyErasureError = SubjectForgotten | KeyMissing | PersonalDataUnreadable | KeyStoreFailed

/** The keys of the person that personal data is about were destroyed; nothing was written. */
export class SubjectForgotten extends VarveError {
  readonly code = 'SUBJECT_FORGOTTEN'
  /** The reference of the subject, as `subjectRef` makes it. */
  readonly subject: string

  constructor(subject: string) {
    super(
      `Subject ${subject} is forgotten, so no personal data of it is taken in; nothing was written. ` +
        'Leave the personal fields out, or give the person a new subject id if they came back.',
    )
    this.subject = subject
  }
}

/** Personal data is sealed with a key that the key store does not have, although nobody destroyed it. */
export class KeyMissing extends VarveError {
  readonly code = 'KEY_MISSING'
  /** The reference of the subject. */
  readonly subject: string
  /** The event that cannot be opened; undefined when it is about the subject as a whole. */
  readonly eventId: string | undefined
  /** The version of the key. */
  readonly version: number | undefined

  constructor(subject: string, missing: { readonly eventId?: string; readonly version?: number } = {}) {
    const { eventId, version } = missing
    super(
      (eventId === undefined
        ? `The log holds personal data of subject ${subject}, whose key is not in the key store. `
        : `Event ${eventId} holds personal data of subject ${subject}, sealed with key ${version}, which is not in the key store. `) +
        'Check that this is the key store the data was sealed with, or restore it from its backup. ' +
        "Only if the key is lost for good, give it up: forget the subject with { lostKey: 'accept' }.",
    )
    this.subject = subject
    this.eventId = eventId
    this.version = version
  }
}

/** Sealed personal data, or a key, is not what was put there: it was altered, moved or cut. */
export class PersonalDataUnreadable extends VarveError {
  readonly code = 'PERSONAL_DATA_UNREADABLE'
  readonly eventId: string
  /** The reference of the subject, undefined where not even that can be read. */
  readonly subject: string | undefined

  constructor(eventId: string, subject: string | undefined, problem: string, options?: ErrorOptions) {
    super(
      `The personal data of event ${eventId} cannot be opened: ${problem}. ` +
        'Compare the event and the key store with their backups; a store without keys reads the placeholders.',
      options,
    )
    this.eventId = eventId
    this.subject = subject
  }
}

/** The key store cannot do what it was asked to; `cause` says what stood in the way. */
export class KeyStoreFailed extends VarveError {
  readonly code = 'KEY_STORE_FAILED'
  /** Where the keys are. */
  readonly place: string

  constructor(place: string, problem: string, options?: ErrorOptions) {
    super(`The key store at ${quoted(place)} failed: ${problem}`, options)
    this.place = place
  }
}
