import { acting } from './language-acting.ts'
import { defining } from './language-defining.ts'
import { handling } from './language-handling.ts'

/**
 * The language of user projections, as a program that runs inside of the isolate before the user's own.
 *
 * Its value is a set of functions that the host calls; they take and give text. The isolate has no function of the host's:
 * what user code wants done (emit, link, log) is written down and handed back with the outcome of the events. Everything it
 * needs of the language is taken at its start, so that user code which replaces `JSON.stringify` harms itself alone.
 *
 * An event is `[position, partition, stream, type, revision, id, isJson, created, body, metadata, link metadata, category,
 * deleted]`; `deleted` is `'soft'` or `'hard'` for the end of a partition's stream.
 *
 * A partition's state lives as a value while a batch is handled and as JSON in between: what JSON cannot hold does not come
 * back.
 */
export const language: string = defining + acting + handling
