import { createHash } from 'node:crypto'
import { InvalidArgument, LimitExceeded } from '../model/errors.ts'
import { limits } from '../model/limits.ts'

/** Events with personal data of a subject are found by a tag that is added to them. */
const prefix = '$personal:'

/**
 * What stands for a subject in the log, in key stores and in `SubjectForgotten`: 32 hexadecimal digits of the SHA-256 of
 * its id. Who knows the id finds the reference; who guesses ids finds it too, so ids should say nothing by themselves.
 *
 * @throws INVALID_ARGUMENT, LIMIT_EXCEEDED when the id is empty, too long or no text.
 * @example
 * const reference = subjectRef('customer-0198c6e2')
 */
export function subjectRef(subject: string): string {
  if (typeof subject !== 'string' || subject === '' || !subject.isWellFormed()) {
    throw new InvalidArgument('subject', 'is not a non-empty string')
  }
  if (subject.length > limits.subjectChars) throw new LimitExceeded('subjectChars', subject.length)
  return createHash('sha256').update('varve subject\0').update(subject).digest('hex').slice(0, 32)
}

/** The tag of events with personal data of a subject, by its reference. */
export function subjectTag(ref: string): string {
  return prefix + ref
}

/** Whether a tag names a subject. */
export function isSubjectTag(tag: string): boolean {
  return tag.startsWith(prefix)
}

/** The references of the subjects an event has personal data of, from its tags. */
export function subjectsIn(tags: readonly string[]): readonly string[] {
  return tags.filter(isSubjectTag).map((tag) => tag.slice(prefix.length))
}
