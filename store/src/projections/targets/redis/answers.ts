/**
 * The forms that answers of Redis have. One of another form belongs to something else, or to nothing at all: whatever comes
 * over that connection after it may be the answer to another question too.
 */

/** Whether an answer has the form of one to these arguments. */
export type Form = (answer: unknown, args: readonly string[]) => boolean

/** A text or its bytes, or nothing. Clients may be set up to give numbers for texts of numbers. */
export const isScalar: Form = (answer) =>
  answer === null || ['string', 'number'].includes(typeof answer) || answer instanceof Uint8Array

/** What a script says, and what about. */
export const isSaid: Form = (answer) => Array.isArray(answer) && answer.length > 0 && isPresent(answer[0])

/** A page of a listing and where the next one begins, or the one word that there is none. */
export const isPage: Form = (answer, args) =>
  isSaid(answer, args) && (Array.isArray((answer as unknown[])[1]) || (answer as unknown[]).length === 1)

/** A cursor. */
export const isCursor: Form = isPresent

/** Of the script that reads: that things are as believed, with the answer to a command, or as what they are otherwise. */
export const isRead: Form = (answer, [, , , command = '']) => {
  if (!Array.isArray(answer) || answer.length !== 2) return false
  const [isSo, found] = answer.map((part, at) => (at === 0 ? String(part) : part))
  if (isSo === '0') return isPresent(found)
  return isSo === '1' && (lists.has(command) ? Array.isArray(found) : isScalar(found, []))
}

/** Of the commands that are sent by themselves. */
export const formOf = (command: string): Form =>
  command === 'HMGET' ? (answer, fields) => Array.isArray(answer) && answer.length === fields.length : isScalar

/** Commands whose answer is a list. */
const lists: ReadonlySet<string> = new Set(['HGETALL', 'SMEMBERS', 'ZRANGE', 'ZREVRANGE', 'HSCAN', 'SSCAN', 'ZSCAN'])

function isPresent(answer: unknown): boolean {
  return answer !== null && answer !== undefined && isScalar(answer, [])
}
