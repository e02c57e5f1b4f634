import { quoted, VarveError } from './varve-error.ts'

/** A message of another system cannot be appended; whoever takes them in has stopped before it. */
export class MessageRefused extends VarveError {
  readonly code = 'MESSAGE_REFUSED'
  readonly topic: string
  readonly partition: number
  readonly offset: number

  constructor(place: { readonly topic: string; readonly partition: number; readonly offset: number }, cause: unknown) {
    const why = cause instanceof Error ? cause.message : String(cause)
    super(
      `The message at offset ${place.offset} of partition ${place.partition} of topic ${quoted(place.topic)} cannot be appended: ` +
        `${why.replace(/[.!?]$/, '')}. Mend what makes events of it, or let onFailure park such messages, and start again.`,
      { cause },
    )
    this.topic = place.topic
    this.partition = place.partition
    this.offset = place.offset
  }
}
